// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import io.peerpod.network.IpPrefix;
import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The network of a worker node as its operator and a CNI plugin leave it, made in the namespace of the calling thread: an interface with
 * the node's address and a default route, a bridge, and for each pod a namespace with a veth on the bridge, an address of its own and a
 * default route. Everything is removed by {@link #close}. Only for a namespace that is one's own.
 */
public final class PodNamespaces implements AutoCloseable {
    /** The bridge that all pods hang on. */
    public static final String BRIDGE = "brpod";

    /** The interface of the node's default route. */
    public static final String UPLINK = "eth0";

    private static final String UPLINK_PEER = "eth0-wire";
    private static final IpPrefix NODE_ADDRESS = IpPrefix.parse("192.168.144.2/24");
    private static final InetAddress NODE_GATEWAY = IpPrefix.parseAddress("192.168.144.1");
    private static final Path FOLDER = Path.of("/run/netns");

    private final RouteNetlink netlink;
    private final Map<String, Path> pods = new ConcurrentHashMap<>();

    private PodNamespaces(RouteNetlink netlink) {
        this.netlink = netlink;
    }

    /** Makes the node's side. */
    public static PodNamespaces make() throws IOException {
        PodNamespaces made = new PodNamespaces(RouteNetlink.open());
        try {
            made.makeNode();
            return made;
        } catch (IOException | RuntimeException e) {
            made.close();
            throw e;
        }
    }

    private void makeNode() throws IOException {
        netlink.bringLoopbackUp();
        netlink.createVeth(UPLINK, UPLINK_PEER);
        up(netlink, UPLINK_PEER);
        Link uplink = up(netlink, UPLINK);
        put(netlink, uplink, NODE_ADDRESS);
        addDefaultRoute(netlink, uplink, NODE_GATEWAY);
        netlink.createLink(BRIDGE, "bridge");
        Link bridge = up(netlink, BRIDGE);
        put(netlink, bridge, PodAddresses.GATEWAY_IPV4);
        if (hasIpv6()) {
            put(netlink, bridge, PodAddresses.GATEWAY_IPV6);
        }
    }

    /** Whether this kernel speaks IPv6 at all. */
    public static boolean hasIpv6() {
        return java.nio.file.Files.exists(Path.of("/proc/net/if_inet6"));
    }

    /** Makes a pod's namespace; its path. */
    public Path add(String name, List<IpPrefix> addresses) throws IOException {
        Path path = FOLDER.resolve(name);
        pods.put(name, path);
        try (NetworkNamespace namespace = NetworkNamespace.create(path);
                RouteNetlink inside = namespace.routeNetlink()) {
            String onBridge = onBridge(name);
            netlink.createVeth(onBridge, "eth0", OptionalInt.of(namespace.descriptor()));
            Link port = up(netlink, onBridge);
            enslave(port);
            Link pod = up(inside, "eth0");
            for (IpPrefix address : addresses) {
                put(inside, pod, address);
                addDefaultRoute(inside, pod, PodAddresses.gateway(address));
            }
        }
        return path;
    }

    private void enslave(Link port) throws IOException {
        Link bridge = netlink.link(BRIDGE).orElseThrow(() -> new IOException("the bridge " + BRIDGE + " is gone"));
        netlink.enslave(port, bridge);
    }

    /** Removes a pod's namespace and its veth. */
    public void remove(String name) throws IOException {
        pods.remove(name);
        Optional<Link> port = netlink.link(onBridge(name));
        if (port.isPresent()) {
            netlink.deleteLink(port.get());
        }
        NetworkNamespace.remove(FOLDER.resolve(name));
    }

    /** The names of the links in a pod's namespace. */
    public static List<String> links(Path namespace) throws IOException {
        try (NetworkNamespace opened = NetworkNamespace.open(namespace);
                RouteNetlink inside = opened.routeNetlink()) {
            return inside.links().stream().map(Link::name).toList();
        }
    }

    /** Interface names hold fifteen bytes. */
    private static String onBridge(String name) {
        String end = Integer.toHexString(name.hashCode());
        return "veth" + "0".repeat(8 - end.length()) + end;
    }

    private static Link up(RouteNetlink netlink, String name) throws IOException {
        Link link = netlink.link(name).orElseThrow(() -> new IOException("the link " + name + " is gone"));
        netlink.changeLink(link, LinkChange.nothing().andUp(true));
        return link;
    }

    private static void put(RouteNetlink netlink, Link link, IpPrefix address) throws IOException {
        netlink.putAddress(new InterfaceAddress(
                link.index(),
                address.address(),
                address.length(),
                RouteEntry.RT_SCOPE_UNIVERSE,
                address.isIpv4() ? 0 : InterfaceAddress.IFA_F_NODAD));
    }

    private static void addDefaultRoute(RouteNetlink netlink, Link link, InetAddress gateway) throws IOException {
        InetAddress any = IpPrefix.parseAddress(gateway.getAddress().length == 4 ? "0.0.0.0" : "::");
        netlink.addRoute(RouteEntry.unicast(any, 0, Optional.of(gateway), link.index()));
    }

    /** Removes every pod, the bridge and the uplink; what is gone already is no error. */
    @Override
    public void close() throws IOException {
        try (netlink) {
            for (String name : List.copyOf(pods.keySet())) {
                remove(name);
            }
            for (String name : List.of(BRIDGE, UPLINK)) {
                Optional<Link> link = netlink.link(name);
                if (link.isPresent()) {
                    netlink.deleteLink(link.get());
                }
            }
        }
    }
}
