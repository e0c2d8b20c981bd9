// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.Inet4Address;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker's side of the network that carries tunnels.
 *
 * @param link the interface
 * @param address the worker's address on it: the one that the kernel would send from
 * @param mtu of a tunnel over it, bytes
 * @param dedicated whether it is not the interface of the default route
 */
record Underlay(Link link, IpPrefix address, int mtu, boolean dedicated) {
    private static final Logger log = LoggerFactory.getLogger(Underlay.class);

    static Underlay choose(RouteNetlink netlink, Optional<String> hostInterface) throws IOException {
        NamespaceView view = NamespaceView.of(netlink);
        Link chosen;
        boolean dedicated = false;
        if (hostInterface.isPresent()) {
            String name = hostInterface.get();
            chosen = netlink.link(name)
                    .orElseThrow(() -> new IOException("The worker has no interface '" + name
                            + "', which host-interface names. Correct host-interface."));
            int primary = view.defaultRoute().map(RouteEntry::link).orElse(chosen.index());
            dedicated = primary != chosen.index();
        } else {
            chosen = view.primary("the worker");
        }
        boolean ipv4 = !view.usable(chosen, true).isEmpty();
        List<InterfaceAddress> addresses = view.usable(chosen, ipv4);
        if (addresses.isEmpty()) {
            throw new IOException("The worker's interface " + chosen.name()
                    + " has no address that a pod VM could reach. Give it one, or name another in host-interface.");
        }
        Optional<RouteEntry> way = view.routes().stream()
                .filter(route -> route.isDefault() && route.link() == chosen.index())
                .filter(route -> route.destination() instanceof Inet4Address == ipv4)
                .findFirst();
        InterfaceAddress source = way.flatMap(RouteEntry::source)
                .flatMap(preferred -> addresses.stream()
                        .filter(address -> address.address().equals(preferred))
                        .findFirst())
                .orElse(addresses.getFirst());
        if (addresses.size() > 1) {
            log.atInfo()
                    .addKeyValue("interface", chosen.name())
                    .addKeyValue("chosen", source.address().getHostAddress())
                    .addKeyValue("count", addresses.size())
                    .log("the worker's interface has several addresses");
        }
        int path = way.map(RouteEntry::mtu).filter(mtu -> mtu > 0).orElse(chosen.mtu());
        int mtu = Math.min(path, chosen.mtu()) - TunnelMtu.overheadBytes(source.address());
        return new Underlay(chosen, new IpPrefix(source.address(), source.prefixLength()), mtu, dedicated);
    }
}
