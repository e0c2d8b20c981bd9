// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.NeighborEntry;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads what a CNI plugin left in a pod's namespace (adaptor.md 6.2). */
final class PodInspection {
    private static final Logger log = LoggerFactory.getLogger(PodInspection.class);

    private final RouteNetlink netlink;
    private final NamespaceView view;
    private final Link link;
    private final String namespace;

    PodInspection(RouteNetlink netlink, String namespace) throws IOException {
        this.netlink = netlink;
        this.namespace = namespace;
        view = NamespaceView.of(netlink);
        link = view.primary("the pod's network namespace " + namespace);
    }

    PodNetwork read(Underlay underlay, InspectOptions options) throws IOException {
        List<IpPrefix> addresses = addresses();
        if (link.macAddress().isEmpty()) {
            throw new IOException(
                    "The pod's interface " + link.name() + " in " + namespace
                            + " has no Ethernet address, which a tunnel needs. Use a CNI plugin that gives pods Ethernet interfaces.");
        }
        PodNetwork network = new PodNetwork(
                addresses,
                link.macAddress(),
                link.name(),
                underlay.address(),
                PodNetwork.VXLAN,
                routes(addresses, options.podSubnets()),
                neighbors(),
                Math.min(link.mtu(), underlay.mtu()),
                0,
                options.vxlanPort(),
                0,
                underlay.dedicated(),
                options.externalNetViaPodVm());
        TunnelMtu.check(network.mtu(), network);
        return network;
    }

    private List<IpPrefix> addresses() throws IOException {
        List<IpPrefix> chosen = new ArrayList<>();
        for (boolean ipv4 : new boolean[] {true, false}) {
            List<InterfaceAddress> found = view.usable(link, ipv4);
            if (found.size() > 1) {
                log.atWarn()
                        .addKeyValue("namespace", namespace)
                        .addKeyValue("interface", link.name())
                        .addKeyValue("chosen", found.getFirst().address().getHostAddress())
                        .addKeyValue("count", found.size())
                        .log("the pod's interface has several addresses of one family; the VM gets the first");
            }
            found.stream()
                    .limit(1)
                    .map(address -> new IpPrefix(address.address(), address.prefixLength()))
                    .forEach(chosen::add);
        }
        if (chosen.isEmpty()) {
            throw new IOException("The pod's interface " + link.name() + " in " + namespace
                    + " has no address. The CNI plugin must have given it one before the sandbox is created.");
        }
        return chosen;
    }

    /** On-link routes first, default routes last, so that any reader can apply them in order; one per destination (W-F6). */
    private List<PodNetwork.Route> routes(List<IpPrefix> addresses, List<IpPrefix> podSubnets) {
        Map<IpPrefix, PodNetwork.Route> byDestination = new LinkedHashMap<>();
        int elsewhere = 0;
        List<RouteEntry> byMetric = view.routes().stream()
                .sorted(Comparator.comparingLong(RouteEntry::metric))
                .toList();
        for (RouteEntry route : byMetric) {
            IpPrefix destination = new IpPrefix(route.destination(), route.prefixLength());
            if (!hasFamily(addresses, destination) || !carried(route)) {
                continue;
            }
            if (route.link() != link.index()) {
                elsewhere++;
                continue;
            }
            byDestination.putIfAbsent(
                    destination,
                    new PodNetwork.Route(
                            destination,
                            route.gateway(),
                            Optional.of(link.name()),
                            RouteNames.protocol(route.protocol()),
                            RouteNames.scope(route.scope())));
        }
        if (elsewhere > 0) {
            log.atWarn()
                    .addKeyValue("namespace", namespace)
                    .addKeyValue("count", elsewhere)
                    .log("routes through other interfaces of the pod are left out: only one interface reaches the VM");
        }
        for (IpPrefix subnet : podSubnets) {
            IpPrefix destination = subnet.masked();
            if (hasFamily(addresses, destination)) {
                byDestination.putIfAbsent(destination, throughDefaultGateway(destination));
            }
        }
        return byDestination.values().stream()
                .sorted(Comparator.comparingInt(PodInspection::turn))
                .toList();
    }

    private PodNetwork.Route throughDefaultGateway(IpPrefix destination) {
        Optional<InetAddress> gateway = view.defaultRoute(destination.isIpv4()).flatMap(RouteEntry::gateway);
        return new PodNetwork.Route(
                destination,
                gateway,
                Optional.of(link.name()),
                Optional.empty(),
                gateway.isPresent() ? Optional.empty() : Optional.of("link"));
    }

    private static boolean hasFamily(List<IpPrefix> addresses, IpPrefix destination) {
        return addresses.stream().anyMatch(address -> address.isIpv4() == destination.isIpv4());
    }

    private static boolean carried(RouteEntry route) {
        boolean linkLocal = !(route.destination() instanceof Inet4Address)
                && (route.destination().isLinkLocalAddress()
                        || route.destination().isMulticastAddress());
        return !linkLocal && RouteNames.protocol(route.protocol()).isPresent();
    }

    private static int turn(PodNetwork.Route route) {
        if (route.destination().length() == 0) {
            return 2;
        }
        return route.gateway().isPresent() ? 1 : 0;
    }

    private List<PodNetwork.Neighbor> neighbors() throws IOException {
        return netlink.neighbors().stream()
                .filter(entry ->
                        entry.link() == link.index() && !entry.macAddress().isEmpty())
                .filter(entry -> (entry.state() & NeighborEntry.NUD_PERMANENT) != 0
                        && (entry.flags() & NeighborEntry.NTF_PROXY) == 0)
                .map(entry -> new PodNetwork.Neighbor(
                        entry.address(), entry.macAddress(), Optional.of(link.name()), "permanent"))
                .toList();
    }
}
