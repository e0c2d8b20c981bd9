// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The VM's second interface, moved into the containers' namespace to be the pod's way out ({@code external-net-via-pod-vm},
 * adaptor.md 6.4). A move takes the address off it, so address and gateway are first written into its alias: whoever comes after a
 * kill finds them there.
 */
final class ExternalInterface {
    /** Interfaces with such names are software's, not the VM's. */
    private static final List<String> NOT_PHYSICAL =
            List.of("veth", "lo", "docker", "podman", "br-", "cni", "tunl", "tun", "tap");

    private static final Pattern ALIAS = Pattern.compile("peerpods external (\\S+) via (\\S+)");

    private final NetworkNamespace host;
    private final NetworkNamespace pod;
    private final RouteNetlink outside;
    private final RouteNetlink inside;

    ExternalInterface(NetworkNamespace host, NetworkNamespace pod, RouteNetlink outside, RouteNetlink inside) {
        this.host = host;
        this.pod = pod;
        this.outside = outside;
        this.inside = inside;
    }

    private record Choice(Link link, IpPrefix address, InetAddress gateway) {
        String alias() {
            return "peerpods external " + address + " via " + gateway.getHostAddress();
        }
    }

    void moveIn() throws IOException {
        Optional<Link> moved = marked(inside);
        if (moved.isEmpty()) {
            Choice choice = choose();
            outside.changeLink(choice.link(), LinkChange.nothing().andAlias(choice.alias()));
            outside.changeLink(choice.link(), LinkChange.nothing().andNamespace(pod.descriptor()));
            moved = marked(inside);
        }
        Link link = moved.orElseThrow(
                () -> new IOException("The VM's second interface vanished on its way to " + pod + "."));
        try {
            becomeDefault(parse(link));
        } catch (IOException | RuntimeException e) {
            Cleanup cleanup = new Cleanup();
            cleanup.attempt(this::moveOut);
            cleanup.suppressOnto(e);
            throw e;
        }
    }

    private void becomeDefault(Choice choice) throws IOException {
        give(inside, choice);
        for (RouteEntry route : NamespaceView.of(inside).routes()) {
            if (route.isDefault()
                    && choice.address().isIpv4() == (route.destination().getAddress().length == 4)) {
                inside.deleteRoute(route);
            }
        }
        RouteEntry way = defaultRoute(choice);
        inside.addRoute(way);
    }

    private static RouteEntry defaultRoute(Choice choice) {
        InetAddress zero = new IpPrefix(choice.address().address(), 0).masked().address();
        return RouteEntry.unicast(
                zero, 0, Optional.of(choice.gateway()), choice.link().index());
    }

    private static void give(RouteNetlink netlink, Choice choice) throws IOException {
        netlink.putAddress(new InterfaceAddress(
                choice.link().index(),
                choice.address().address(),
                choice.address().length(),
                RouteEntry.RT_SCOPE_UNIVERSE,
                0));
        netlink.changeLink(choice.link(), LinkChange.nothing().andUp(true));
    }

    /** The first other interface with an IPv4 address and a gateway: its own, or the primary's if it is in the same subnet. */
    private Choice choose() throws IOException {
        NamespaceView view = NamespaceView.of(outside);
        Link primary = view.primary("the pod VM");
        Optional<InetAddress> primaryGateway = gatewayOf(view, primary);
        for (Link link : outside.links()) {
            boolean eligible = link.index() != primary.index()
                    && link.vxlan().isEmpty()
                    && NOT_PHYSICAL.stream().noneMatch(link.name()::startsWith);
            if (!eligible) {
                continue;
            }
            for (InterfaceAddress address : view.usable(link, true)) {
                IpPrefix prefix = new IpPrefix(address.address(), address.prefixLength());
                Optional<InetAddress> gateway = gatewayOf(view, link)
                        .or(() -> inSubnetOf(view, primary, prefix) ? primaryGateway : Optional.empty());
                if (gateway.isPresent()) {
                    return new Choice(link, prefix, gateway.get());
                }
            }
        }
        throw new IOException(
                "The pod shall reach the outside through a second interface of its VM, but the VM has none with"
                        + " an IPv4 address and a gateway. Give the VM a second interface, or unset external-net-via-pod-vm.");
    }

    private static Optional<InetAddress> gatewayOf(NamespaceView view, Link link) {
        return view.routes().stream()
                .filter(route -> route.isDefault() && route.link() == link.index())
                .filter(route -> route.destination().getAddress().length == 4)
                .findFirst()
                .flatMap(RouteEntry::gateway);
    }

    private static boolean inSubnetOf(NamespaceView view, Link primary, IpPrefix address) {
        return view.usable(primary, true).stream()
                .map(own -> new IpPrefix(own.address(), own.prefixLength()).masked())
                .anyMatch(subnet -> new IpPrefix(address.address(), subnet.length())
                        .masked()
                        .equals(subnet));
    }

    private static Optional<Link> marked(RouteNetlink netlink) throws IOException {
        return netlink.links().stream()
                .filter(link -> link.alias()
                        .filter(alias -> ALIAS.matcher(alias).matches())
                        .isPresent())
                .findFirst();
    }

    private static Choice parse(Link link) {
        Matcher matcher = ALIAS.matcher(link.alias().orElse(""));
        if (!matcher.matches()) {
            throw new IllegalStateException("The interface " + link.name() + " lost its mark");
        }
        return new Choice(link, IpPrefix.parse(matcher.group(1)), IpPrefix.parseAddress(matcher.group(2)));
    }

    /** Gives the interface back to the VM, with its address. */
    void moveOut() throws IOException {
        Optional<Link> moved = marked(inside);
        if (moved.isPresent()) {
            inside.changeLink(moved.get(), LinkChange.nothing().andNamespace(host.descriptor()));
        }
        Optional<Link> back = marked(outside);
        if (back.isPresent()) {
            give(outside, parse(back.get()));
            outside.changeLink(back.get(), LinkChange.nothing().andAlias(""));
        }
    }
}
