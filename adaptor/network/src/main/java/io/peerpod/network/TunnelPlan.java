// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;

/**
 * All that the worker's half of a tunnel needs to be set up, and to be torn down by a later process.
 *
 * @param podNetns where the pod's namespace is bound
 * @param network as inspected, with its VNI
 * @param vmAddresses of the pod VM in the provider's order; may be empty for a tear-down
 */
public record TunnelPlan(Path podNetns, PodNetwork network, List<InetAddress> vmAddresses) {
    public TunnelPlan {
        vmAddresses = List.copyOf(vmAddresses);
    }

    /**
     * The VM's address at which the tunnel ends: the first of the worker's family, or the second of all where the tunnel has an
     * interface of its own (adaptor.md 6.3).
     *
     * @throws IOException if the VM has none
     */
    InetAddress remote() throws IOException {
        if (network.dedicated()) {
            if (vmAddresses.size() < 2) {
                throw new IOException("The tunnel of this pod uses an interface of its own, so the pod VM needs two"
                        + " addresses; the provider gave " + vmAddresses + ".");
            }
            return vmAddresses.get(1);
        }
        boolean ipv4 = network.workerAddress().isIpv4();
        return vmAddresses.stream()
                .filter(address -> address instanceof Inet4Address == ipv4)
                .findFirst()
                .orElseThrow(() -> new IOException("The pod VM has no " + (ipv4 ? "IPv4" : "IPv6")
                        + " address, which the tunnel from the worker's " + network.workerAddress()
                        + " needs; the provider gave " + vmAddresses + "."));
    }
}
