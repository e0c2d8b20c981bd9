// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.MacAddresses;
import io.peerpod.network.netlink.NeighborEntry;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import io.peerpod.network.netlink.Vxlan;
import io.peerpod.network.netlink.VxlanRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tunnel's device in the containers' namespace, dressed as the pod's interface. In a pod VM there is one pod, so a VXLAN device
 * with this VNI and port is one that an earlier run left, wherever it is.
 */
final class GuestTunnel {
    private static final Logger log = LoggerFactory.getLogger(GuestTunnel.class);

    /** What the reference's half calls the device before it moves it. */
    private static final String REFERENCE_NAME = "vxlan0";

    private static final Duration ADDRESS_WAIT = Duration.ofSeconds(10);
    private static final Duration ADDRESS_POLL = Duration.ofMillis(2);

    private final NetworkNamespace pod;
    private final RouteNetlink outside;
    private final RouteNetlink inside;
    private final PodNetwork network;
    private final HostTunnel.Progress progress;

    GuestTunnel(
            NetworkNamespace pod,
            RouteNetlink outside,
            RouteNetlink inside,
            PodNetwork network,
            HostTunnel.Progress progress) {
        this.pod = pod;
        this.outside = outside;
        this.inside = inside;
        this.network = network;
        this.progress = progress;
    }

    /**
     * Refuses what no worker of good will writes; the name also becomes part of a path.
     *
     * @throws IOException naming the value
     */
    static void check(PodNetwork network) throws IOException {
        String name = network.interfaceName();
        boolean plain = !name.isEmpty()
                && name.getBytes(StandardCharsets.UTF_8).length <= Link.MAX_NAME_BYTES
                && name.chars().allMatch(c -> c > ' ' && c < 0x7f && c != '/' && c != ':')
                && !name.startsWith(".")
                && !name.equals("lo");
        require(plain, "interface", name);
        require(network.tunnelType().equals(PodNetwork.VXLAN), "tunnel-type", network.tunnelType());
        require(network.vxlanId() > 0 && network.vxlanId() <= VniAllocator.MAX_VNI, "vxlan-id", network.vxlanId());
        require(network.vxlanPort() > 0 && network.vxlanPort() <= 0xFFFF, "vxlan-port", network.vxlanPort());
        require(!network.addresses().isEmpty(), "podip", network.addresses());
        require(network.mtu() >= 0, "mtu", network.mtu());
        try {
            byte[] mac = MacAddresses.parse(network.macAddress());
            require((mac[0] & 1) == 0, "pod-hw-addr", network.macAddress());
            network.neighbors().forEach(neighbor -> MacAddresses.parse(neighbor.macAddress()));
        } catch (IllegalArgumentException e) {
            throw new IOException("The pod-network of the forwarder's configuration is unusable: " + e.getMessage(), e);
        }
    }

    private static void require(boolean holds, String key, Object value) throws IOException {
        if (!holds) {
            throw new IOException("The pod-network of the forwarder's configuration has an unusable " + key + ": '"
                    + value + "'. The worker writes this file.");
        }
    }

    void setUp(int pathMtu) throws IOException, InterruptedException {
        int mtu = TunnelMtu.check(network.mtu() == 0 ? pathMtu : Math.min(network.mtu(), pathMtu), network);
        removeLeftovers();
        progress.after("leftovers");
        Optional<Link> kept = inside.link(network.interfaceName());
        if (kept.isEmpty()) {
            create(mtu);
        }
        try {
            progress.after("device");
            Link device = inside.link(network.interfaceName())
                    .orElseThrow(
                            () -> new IOException("The tunnel's device " + network.interfaceName() + " vanished."));
            dress(device, mtu);
        } catch (IOException | RuntimeException | InterruptedException e) {
            if (kept.isEmpty()) {
                Cleanup cleanup = new Cleanup();
                cleanup.attempt(this::tearDown);
                cleanup.suppressOnto(e);
            }
            throw e;
        }
    }

    private void dress(Link device, int mtu) throws IOException, InterruptedException {
        configureIpv6();
        inside.changeLink(
                device, LinkChange.nothing().andMacAddress(network.macAddress()).andMtu(mtu));
        progress.after("link");
        for (IpPrefix address : network.addresses()) {
            inside.putAddress(new InterfaceAddress(
                    device.index(),
                    address.address(),
                    address.length(),
                    RouteEntry.RT_SCOPE_UNIVERSE,
                    addressFlags(address)));
        }
        progress.after("addresses");
        inside.changeLink(device, LinkChange.nothing().andUp(true));
        progress.after("up");
        addRoutes(device);
        progress.after("routes");
        for (PodNetwork.Neighbor neighbor : network.neighbors()) {
            inside.putNeighbor(new NeighborEntry(
                    device.index(), neighbor.address(), neighbor.macAddress(), NeighborEntry.NUD_PERMANENT, 0));
        }
        for (IpPrefix address : network.addresses()) {
            awaitActive(address.address());
        }
        progress.after("neighbours");
    }

    /** The kernel makes an IPv6 address work in the background; a packet for it that comes a moment too early is lost. */
    private void awaitActive(InetAddress address) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + ADDRESS_WAIT.toNanos();
        while (!isActive(address)) {
            if (System.nanoTime() - deadline >= 0) {
                throw new IOException(
                        "The pod's address " + address.getHostAddress() + " is set on " + network.interfaceName()
                                + ", but the kernel did not make it work within " + ADDRESS_WAIT + ".");
            }
            Thread.sleep(ADDRESS_POLL);
        }
    }

    private boolean isActive(InetAddress address) throws IOException {
        try {
            return inside.routeTo(address).type() == RouteEntry.RTN_LOCAL;
        } catch (ErrnoException e) {
            if (e.isOneOf(Errno.ENETUNREACH, Errno.EHOSTUNREACH)) {
                return false;
            }
            throw e;
        }
    }

    /** The worker's list of routes holds the connected one if there is to be one, so the kernel shall not add its own. */
    private static int addressFlags(IpPrefix address) {
        int noRoute = InterfaceAddress.IFA_F_NOPREFIXROUTE;
        return address.isIpv4() ? noRoute : noRoute | InterfaceAddress.IFA_F_NODAD;
    }

    private void create(int mtu) throws IOException {
        InetAddress worker = network.workerAddress().address();
        Vxlan vxlan = new Vxlan(network.vxlanId(), network.vxlanPort(), Optional.of(worker));
        outside.createVxlan(new VxlanRequest(
                network.interfaceName(),
                vxlan,
                !network.workerAddress().isIpv4(),
                mtu,
                Optional.of(network.macAddress()),
                Optional.of(pod.descriptor())));
    }

    /** Keeps a device that is this tunnel's and usable, deletes half-made ones of earlier runs, refuses to touch anything else. */
    private void removeLeftovers() throws IOException {
        Optional<Link> unmoved = outside.link(REFERENCE_NAME).filter(this::isOurs);
        if (unmoved.isPresent()) {
            outside.deleteLink(unmoved.get());
        }
        Optional<InetAddress> worker = Optional.of(network.workerAddress().address());
        for (Link link : inside.links()) {
            boolean named = link.name().equals(network.interfaceName());
            if (isOurs(link)) {
                if (!named || !link.vxlan().flatMap(Vxlan::remote).equals(worker)) {
                    inside.deleteLink(link);
                }
            } else if (named) {
                throw new IOException(
                        "The containers' namespace " + pod + " has an interface " + link.name()
                                + " already, and it is not this pod's tunnel. Nothing but the forwarder may make interfaces there.");
            }
        }
    }

    private boolean isOurs(Link link) {
        return link.vxlan()
                .filter(vxlan -> vxlan.id() == network.vxlanId() && vxlan.port() == network.vxlanPort())
                .isPresent();
    }

    /** The pod's addresses are fixed: nothing is to be learnt from routers, and nobody else can have them. */
    private void configureIpv6() throws IOException {
        boolean ipv6 = network.addresses().stream().anyMatch(address -> !address.isIpv4());
        Path settings = Path.of("/proc/sys/net/ipv6/conf", network.interfaceName());
        pod.run(() -> {
            if (ipv6) {
                write(settings.resolve("disable_ipv6"), "0");
            }
            for (String name : List.of("accept_ra", "autoconf", "accept_dad", "dad_transmits")) {
                write(settings.resolve(name), "0");
            }
        });
    }

    private void write(Path setting, String value) {
        try {
            if (Files.exists(setting)) {
                Files.writeString(setting, value);
            }
        } catch (IOException e) {
            log.atDebug()
                    .addKeyValue("setting", setting)
                    .addKeyValue("failure", e.getMessage())
                    .log("a kernel setting stays as it is");
        }
    }

    /** On-link routes first, then those through gateways, default routes last: each finds its gateway reachable. */
    private void addRoutes(Link device) throws IOException {
        List<PodNetwork.Route> inOrder = network.routes().stream()
                .sorted(Comparator.comparingInt(GuestTunnel::turn))
                .toList();
        for (PodNetwork.Route route : inOrder) {
            if (route.device()
                    .filter(name -> !name.equals(network.interfaceName()))
                    .isPresent()) {
                log.atWarn()
                        .addKeyValue("route", route.destination())
                        .addKeyValue("interface", route.device().get())
                        .log("a route through another interface of the pod is left out");
                continue;
            }
            add(route, device);
        }
    }

    private static int turn(PodNetwork.Route route) {
        int last = route.destination().length() == 0 ? 2 : 0;
        return last + (route.gateway().isPresent() ? 1 : 0);
    }

    private void add(PodNetwork.Route route, Link device) throws IOException {
        IpPrefix destination = route.destination().masked();
        int scope = route.gateway().isPresent() ? RouteNames.scopeNumber(route.scope()) : RouteEntry.RT_SCOPE_LINK;
        RouteEntry entry = RouteEntry.unicast(
                        destination.address(), destination.length(), route.gateway(), device.index())
                .with(RouteNames.protocolNumber(route.protocol()), scope);
        try {
            addOrKeep(entry);
        } catch (ErrnoException e) {
            boolean unreachable = e.isOneOf(Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EINVAL)
                    && route.gateway().isPresent();
            if (!unreachable) {
                throw e;
            }
            // No on-link route covers the gateway; some CNI plugins say 'onlink' instead, which the file cannot.
            addOrKeep(entry.asOnlink());
        }
    }

    private void addOrKeep(RouteEntry entry) throws IOException {
        try {
            inside.addRoute(entry);
        } catch (ErrnoException e) {
            if (!e.is(Errno.EEXIST)) {
                throw e;
            }
            log.atDebug()
                    .addKeyValue("route", entry.destination().getHostAddress() + "/" + entry.prefixLength())
                    .log("the route is there already");
        }
    }

    void tearDown() throws IOException {
        for (Link link : inside.links()) {
            if (isOurs(link)) {
                inside.deleteLink(link);
            }
        }
    }
}
