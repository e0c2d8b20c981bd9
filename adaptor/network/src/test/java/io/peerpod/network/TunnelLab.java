// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * A worker and a pod VM as two namespaces joined by a veth pair, and pods on the worker as a CNI plugin leaves them: {@code eth0} with
 * addresses, its gateway on the worker.
 */
final class TunnelLab implements AutoCloseable {
    static final int PORT = 4789;
    static final String MAC = "02:42:0a:2a:00:05";

    final NetworkNamespace worker = NetworkNamespace.createUnnamed();
    final NetworkNamespace vm = NetworkNamespace.createUnnamed();
    final RouteNetlink onWorker = worker.routeNetlink();
    final RouteNetlink onVm = vm.routeNetlink();
    final HostNetwork hostNetwork = new HostNetwork(worker);
    final GuestNetwork guestNetwork = new GuestNetwork(vm);
    private final Path folder;
    private final List<Path> bound = new ArrayList<>();

    /** Which families something has. */
    enum Families {
        IPV4(true, false),
        IPV6(false, true),
        BOTH(true, true);

        final boolean ipv4;
        final boolean ipv6;

        Families(boolean ipv4, boolean ipv6) {
            this.ipv4 = ipv4;
            this.ipv6 = ipv6;
        }
    }

    TunnelLab(Path folder, Families underlay, int mtu) throws IOException {
        this.folder = folder;
        onWorker.createVeth("un0", "en0", OptionalInt.of(vm.descriptor()));
        configure(onWorker, "un0", mtu, underlay, "192.168.77.1/24", "fd77::1/64");
        configure(onVm, "en0", mtu, underlay, "192.168.77.2/24", "fd77::2/64");
        if (underlay.ipv4) {
            route(onWorker, "un0", "0.0.0.0/0", "192.168.77.2");
            route(onVm, "en0", "0.0.0.0/0", "192.168.77.1");
        }
        if (underlay.ipv6) {
            route(onWorker, "un0", "::/0", "fd77::2");
            route(onVm, "en0", "::/0", "fd77::1");
        }
    }

    InetAddress vmAddress(boolean ipv6) {
        return InetAddress.ofLiteral(ipv6 ? "fd77::2" : "192.168.77.2");
    }

    /** A pod; number 0 to 200. */
    record Pod(int number, Path netns, Path guestNetns, Families families) {
        InetAddress address(boolean ipv6) {
            return InetAddress.ofLiteral(ipv6 ? "fd42:" + number + "::5" : "10.42." + number + ".5");
        }

        InetAddress gateway(boolean ipv6) {
            return InetAddress.ofLiteral(ipv6 ? "fd42:" + number + "::1" : "10.42." + number + ".1");
        }

        String workerLink() {
            return "cni" + number;
        }
    }

    Pod pod(int number, Families families, int mtu) throws IOException {
        Pod pod = new Pod(number, path("pod" + number), path("guest" + number), families);
        try (NetworkNamespace namespace = NetworkNamespace.create(pod.netns());
                RouteNetlink inside = namespace.routeNetlink()) {
            onWorker.createVeth(pod.workerLink(), "eth0", OptionalInt.of(namespace.descriptor()));
            Link eth0 = inside.link("eth0").orElseThrow();
            inside.changeLink(eth0, LinkChange.nothing().andMacAddress(MAC));
            configure(
                    onWorker,
                    pod.workerLink(),
                    mtu,
                    families,
                    pod.gateway(false).getHostAddress() + "/24",
                    pod.gateway(true).getHostAddress() + "/64");
            configure(
                    inside,
                    "eth0",
                    mtu,
                    families,
                    pod.address(false).getHostAddress() + "/24",
                    pod.address(true).getHostAddress() + "/64");
            if (families.ipv4) {
                route(inside, "eth0", "0.0.0.0/0", pod.gateway(false).getHostAddress());
            }
            if (families.ipv6) {
                route(inside, "eth0", "::/0", pod.gateway(true).getHostAddress());
            }
        }
        return pod;
    }

    private synchronized Path path(String name) {
        Path path = folder.resolve(name);
        bound.add(path);
        return path;
    }

    InspectOptions options() {
        return new InspectOptions(Optional.empty(), List.of(), PORT, false);
    }

    static void configure(RouteNetlink netlink, String name, int mtu, Families families, String ipv4, String ipv6)
            throws IOException {
        Link link = netlink.link(name).orElseThrow();
        netlink.changeLink(link, LinkChange.nothing().andMtu(mtu));
        if (families.ipv4) {
            address(netlink, name, ipv4);
        }
        if (families.ipv6) {
            address(netlink, name, ipv6);
        }
        netlink.changeLink(link, LinkChange.nothing().andUp(true));
    }

    static void address(RouteNetlink netlink, String name, String prefix) throws IOException {
        IpPrefix parsed = IpPrefix.parse(prefix);
        int flags = parsed.isIpv4() ? 0 : InterfaceAddress.IFA_F_NODAD;
        int link = netlink.link(name).orElseThrow().index();
        netlink.putAddress(new InterfaceAddress(link, parsed.address(), parsed.length(), 0, flags));
    }

    static void route(RouteNetlink netlink, String name, String destination, String gateway) throws IOException {
        IpPrefix parsed = IpPrefix.parse(destination);
        int link = netlink.link(name).orElseThrow().index();
        netlink.addRoute(RouteEntry.unicast(
                parsed.address(),
                parsed.length(),
                gateway.isEmpty() ? Optional.empty() : Optional.of(InetAddress.ofLiteral(gateway)),
                link));
    }

    /** Sends packets of exactly that size, don't-fragment set, in both directions between worker and containers, until one arrives. */
    void exchange(Pod pod, boolean ipv6, int packetBytes) throws IOException {
        int headers = ipv6 ? 48 : 28;
        try (NetworkNamespace guest = NetworkNamespace.open(pod.guestNetns());
                UdpSocket inGuest = UdpSocket.open(guest, pod.address(ipv6));
                UdpSocket onHost = UdpSocket.open(worker, pod.gateway(ipv6))) {
            byte[] data = new byte[packetBytes - headers];
            onHost.deliver(inGuest, data);
            inGuest.deliver(onHost, data);
        }
    }

    /** Outer packets that were cut, on either side and in either family. */
    long fragments() throws IOException {
        return fragments(worker) + fragments(vm);
    }

    private static long fragments(NetworkNamespace namespace) throws IOException {
        return namespace.compute(() -> {
            long count = 0;
            List<String> lines = Files.readAllLines(Path.of("/proc/thread-self/net/snmp"));
            int column = List.of(lines.get(0).split(" ", -1)).indexOf("FragCreates");
            count += Long.parseLong(lines.get(1).split(" ", -1)[column]);
            for (String line : Files.readAllLines(Path.of("/proc/thread-self/net/snmp6"))) {
                if (line.startsWith("Ip6FragCreates")) {
                    count += Long.parseLong(line.split("\\s+", -1)[1]);
                }
            }
            return count;
        });
    }

    /** What differs between a namespace before and after, as text: links with MTU, kind and state, and ingress filters. */
    static String picture(NetworkNamespace namespace) throws IOException {
        StringBuilder text = new StringBuilder();
        try (RouteNetlink netlink = namespace.routeNetlink()) {
            for (Link link : netlink.links()) {
                text.append(link.name())
                        .append(' ')
                        .append(link.kind().orElse("-"))
                        .append(" mtu ")
                        .append(link.mtu())
                        .append(link.isUp() ? " up" : " down")
                        .append(' ')
                        .append(netlink.disciplines(link).stream()
                                .filter(discipline -> discipline.isIngress())
                                .toList())
                        .append('\n');
            }
        }
        return text.toString();
    }

    static String picture(Path netns) throws IOException {
        try (NetworkNamespace namespace = NetworkNamespace.open(netns)) {
            return picture(namespace);
        }
    }

    @Override
    public void close() throws IOException {
        onWorker.close();
        onVm.close();
        worker.close();
        vm.close();
        for (Path path : bound) {
            NetworkNamespace.remove(path);
        }
        try (Stream<Path> left = Files.list(folder)) {
            left.filter(path -> !Files.isDirectory(path)).forEach(path -> {
                try {
                    NetworkNamespace.remove(path);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }
}
