// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Addresses and main-table routes of one namespace at one moment.
 *
 * @param netlink where links are asked for
 * @param addresses all addresses
 * @param routes unicast routes of the main table
 */
record NamespaceView(RouteNetlink netlink, List<InterfaceAddress> addresses, List<RouteEntry> routes) {

    static NamespaceView of(RouteNetlink netlink) throws IOException {
        List<RouteEntry> routes = netlink.routes().stream()
                .filter(route -> route.table() == RouteEntry.RT_TABLE_MAIN && route.type() == RouteEntry.RTN_UNICAST)
                .toList();
        return new NamespaceView(netlink, netlink.addresses(), routes);
    }

    /** The default route with the lowest metric; the kernel's order decides between equal ones. */
    Optional<RouteEntry> defaultRoute(boolean ipv4) {
        return routes.stream()
                .filter(route -> route.isDefault() && route.link() != 0)
                .filter(route -> route.destination() instanceof Inet4Address == ipv4)
                .min(Comparator.comparingLong(RouteEntry::metric));
    }

    /** The default route of IPv4, or else of IPv6. */
    Optional<RouteEntry> defaultRoute() {
        return defaultRoute(true).or(() -> defaultRoute(false));
    }

    /**
     * The interface of the default route, or the only one with an address that others can reach.
     *
     * @param where names the namespace in the error
     * @throws IOException if there is none, or no way to choose
     */
    Link primary(String where) throws IOException {
        Optional<RouteEntry> way = defaultRoute();
        if (way.isPresent()) {
            return netlink.link(way.get().link())
                    .orElseThrow(
                            () -> new IOException("The interface of the default route of " + where + " vanished."));
        }
        List<Link> candidates = new ArrayList<>();
        for (Link link : netlink.links()) {
            if (link.isUp() && !link.isLoopback() && hasUsableAddress(link)) {
                candidates.add(link);
            }
        }
        if (candidates.size() == 1) {
            return candidates.getFirst();
        }
        throw new IOException("There is no default route in " + where + ", and "
                + (candidates.isEmpty()
                        ? "no interface has an address"
                        : "several interfaces have an address: "
                                + candidates.stream().map(Link::name).toList())
                + ", so none can be chosen. Give it a default route.");
    }

    boolean hasUsableAddress(Link link) {
        return !usable(link, true).isEmpty() || !usable(link, false).isEmpty();
    }

    List<InterfaceAddress> usable(Link link, boolean ipv4) {
        return AddressChoice.usable(addresses, link.index(), ipv4);
    }
}
