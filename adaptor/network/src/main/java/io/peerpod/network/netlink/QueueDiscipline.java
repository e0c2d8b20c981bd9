// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

/**
 * A queueing discipline of an interface.
 *
 * @param link the interface's index
 * @param kind such as {@code ingress}
 * @param parent where it hangs; {@link TrafficMessages#TC_H_INGRESS} for {@code ingress} and {@code clsact}
 */
public record QueueDiscipline(int link, String kind, int parent) {
    /** Whether filters on it see what the interface receives. */
    public boolean isIngress() {
        return parent == TrafficMessages.TC_H_INGRESS;
    }
}
