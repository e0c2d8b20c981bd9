// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.net.InetAddress;

/**
 * An entry of the neighbour table (ARP, NDP).
 *
 * @param link the interface's index
 * @param address its IP address
 * @param macAddress lower case with colons; empty if not known
 * @param state {@code NUD_*}
 * @param flags {@code NTF_*}
 */
public record NeighborEntry(int link, InetAddress address, String macAddress, int state, int flags) {
    public static final int NUD_PERMANENT = 0x80;
    public static final int NTF_PROXY = 0x08;
}
