// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.RouteEntry;
import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.List;

/** Which of an interface's addresses count, and which comes first. */
final class AddressChoice {
    private AddressChoice() {}

    /**
     * The addresses of one family that others can reach, the one to use first: no loopback, no IPv6 link-local ones; primary before
     * secondary, temporary or deprecated ones, and the oldest first.
     */
    static List<InterfaceAddress> usable(List<InterfaceAddress> all, int link, boolean ipv4) {
        List<InterfaceAddress> found = new ArrayList<>();
        List<InterfaceAddress> lesser = new ArrayList<>();
        for (InterfaceAddress address : all) {
            if (address.link() != link || address.address() instanceof Inet4Address != ipv4 || !reachable(address)) {
                continue;
            }
            boolean second = address.has(InterfaceAddress.IFA_F_SECONDARY)
                    || address.has(InterfaceAddress.IFA_F_DEPRECATED)
                    || address.has(InterfaceAddress.IFA_F_DADFAILED);
            List<InterfaceAddress> list = second ? lesser : found;
            if (ipv4) {
                list.add(address);
            } else {
                // The kernel lists IPv6 addresses newest first.
                list.addFirst(address);
            }
        }
        found.addAll(lesser);
        return found;
    }

    private static boolean reachable(InterfaceAddress address) {
        int limit = address.address() instanceof Inet4Address ? RouteEntry.RT_SCOPE_HOST : RouteEntry.RT_SCOPE_LINK;
        return address.scope() < limit && !address.address().isLoopbackAddress();
    }
}
