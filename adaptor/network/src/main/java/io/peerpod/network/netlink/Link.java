// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.util.Optional;

/**
 * A network interface as the kernel describes it.
 *
 * @param index its number in its namespace
 * @param name its name
 * @param mtu bytes
 * @param flags {@code IFF_*}
 * @param macAddress lower case with colons; empty if it has none
 * @param kind such as {@code veth} or {@code vxlan}; empty for hardware and loopback
 * @param alias free text set by an administrator or by us; empty if none
 * @param vxlan present for a VXLAN device
 * @param otherNamespace the number that its namespace gives to the one where its other half lives (a veth's peer, the UDP socket of a
 *     VXLAN device); empty if that is the same namespace
 */
public record Link(
        int index,
        String name,
        int mtu,
        int flags,
        String macAddress,
        Optional<String> kind,
        Optional<String> alias,
        Optional<Vxlan> vxlan,
        Optional<Integer> otherNamespace) {
    public static final int IFF_UP = 0x1;
    public static final int IFF_LOOPBACK = 0x8;

    /** The kernel's limit, without the final NUL. */
    public static final int MAX_NAME_BYTES = 15;

    /** Whether it is administratively up. */
    public boolean isUp() {
        return (flags & IFF_UP) != 0;
    }

    /** Whether it is a loopback. */
    public boolean isLoopback() {
        return (flags & IFF_LOOPBACK) != 0;
    }
}
