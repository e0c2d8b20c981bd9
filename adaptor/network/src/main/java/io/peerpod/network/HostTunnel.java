// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.netlink.IngressFilter;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.QueueDiscipline;
import io.peerpod.network.netlink.RouteNetlink;
import io.peerpod.network.netlink.Vxlan;
import io.peerpod.network.netlink.VxlanRequest;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One tunnel's device in the pod's namespace, and the redirects that make it and the pod's interface one wire.
 *
 * <p>The device is born inside the pod's namespace by a request made outside: its UDP socket stays outside, nothing of ours ever
 * has a name on the worker, and if the namespace goes, so does all of the tunnel. A device counts as this tunnel's if it has its VNI
 * and port and its socket lives on this worker; the kernel admits only one such device, so no other product's can be taken for it.
 */
final class HostTunnel {
    private static final Logger log = LoggerFactory.getLogger(HostTunnel.class);

    /** The reference's name for it; troubleshooting guides know it. */
    private static final String USUAL_NAME = "vxlan1";

    private static final String OTHER_NAMES = "ppvx";

    /** Priority of our filters, by which they are told from those of others; lower numbers are asked first. */
    static final int FILTER_PRIORITY = 0x7070;

    /** Told after every step of a set-up, so that tests can fail there. */
    interface Progress {
        Progress NONE = _ -> {};

        void after(String step) throws IOException;
    }

    private final NetworkNamespace host;
    private final NetworkNamespace pod;
    private final RouteNetlink outside;
    private final RouteNetlink inside;
    private final PodNetwork network;
    private final Progress progress;

    HostTunnel(
            NetworkNamespace host,
            NetworkNamespace pod,
            RouteNetlink outside,
            RouteNetlink inside,
            PodNetwork network,
            Progress progress) {
        this.host = host;
        this.pod = pod;
        this.outside = outside;
        this.inside = inside;
        this.network = network;
        this.progress = progress;
    }

    void setUp(InetAddress remote) throws IOException {
        Link podInterface = podInterface()
                .orElseThrow(() -> new IOException("The pod's interface " + network.interfaceName() + " is gone from "
                        + pod + ". The CNI plugin must keep it until the sandbox has stopped."));
        boolean existed = find().isPresent();
        try {
            connect(podInterface, remote);
        } catch (IOException | RuntimeException e) {
            rollBack(existed, e);
            throw e;
        }
    }

    private void connect(Link podInterface, InetAddress remote) throws IOException {
        int mtu = TunnelMtu.check(Math.min(network.mtu(), TunnelMtu.towards(outside, remote)), network);
        Link tunnel = findOrCreate(remote, mtu);
        progress.after("device");
        if (TunnelFacts.read(tunnel).isEmpty()) {
            record(tunnel, podInterface);
        }
        progress.after("facts");
        Vxlan vxlan = tunnel.vxlan().orElseThrow();
        if (!vxlan.remote().equals(Optional.of(remote))) {
            inside.redirectVxlan(tunnel, remote);
        }
        progress.after("remote");
        withoutLinkLocalAddress(tunnel);
        inside.changeLink(tunnel, LinkChange.nothing().andMtu(mtu).andUp(true));
        progress.after("up");
        if (podInterface.mtu() > mtu) {
            inside.changeLink(podInterface, LinkChange.nothing().andMtu(mtu));
        }
        progress.after("mtu");
        redirect(podInterface, tunnel);
        progress.after("outbound");
        redirect(tunnel, podInterface);
        progress.after("inbound");
    }

    /** Makes the device without a remote, so that its VNI is held; {@code EEXIST} if the VNI is in use. */
    void reserve() throws IOException {
        Link podInterface = podInterface()
                .orElseThrow(() -> new IOException("There is no " + network.interfaceName() + " in " + pod));
        boolean overIpv6 = !network.workerAddress().isIpv4();
        Link tunnel = create(Optional.empty(), overIpv6, network.mtu());
        record(tunnel, podInterface);
    }

    private void record(Link tunnel, Link podInterface) throws IOException {
        TunnelFacts facts = TunnelFacts.of(inside, podInterface);
        inside.changeLink(tunnel, LinkChange.nothing().andAlias(facts.alias()));
    }

    private Optional<Link> podInterface() throws IOException {
        return inside.link(network.interfaceName());
    }

    /** This tunnel's device, whether only reserved or in use. */
    Optional<Link> find() throws IOException {
        List<Link> candidates = inside.links().stream()
                .filter(link -> link.vxlan()
                        .filter(vxlan -> vxlan.id() == network.vxlanId() && vxlan.port() == network.vxlanPort())
                        .isPresent())
                .toList();
        if (candidates.isEmpty()) {
            return Optional.empty();
        }
        // Asked for after the list: it is the list that makes the kernel number the other namespace.
        OptionalInt outsideNumber = inside.numberOf(host.descriptor());
        return candidates.stream()
                .filter(link -> link.otherNamespace().isPresent()
                        && outsideNumber.isPresent()
                        && link.otherNamespace().get() == outsideNumber.getAsInt())
                .findFirst();
    }

    private Link findOrCreate(InetAddress remote, int mtu) throws IOException {
        Optional<Link> found = find();
        boolean overIpv6 = remote instanceof Inet6Address;
        if (found.isPresent()) {
            if (overIpv6 == !network.workerAddress().isIpv4() || sameFamily(found.get(), remote)) {
                return found.get();
            }
            // Made for the other family of the underlay, which a device cannot change.
            inside.deleteLink(found.get());
        }
        try {
            return create(Optional.of(remote), overIpv6, mtu);
        } catch (ErrnoException e) {
            if (e.is(Errno.EEXIST)) {
                throw new IOException(
                        "VNI " + network.vxlanId() + " on UDP port " + network.vxlanPort()
                                + " belongs to another tunnel of this worker, in another namespace. Start the pod again: it"
                                + " gets another VNI.",
                        e);
            }
            throw e;
        }
    }

    private static boolean sameFamily(Link tunnel, InetAddress remote) {
        return tunnel.vxlan()
                .flatMap(Vxlan::remote)
                .filter(old -> old.getClass() == remote.getClass())
                .isPresent();
    }

    private Link create(Optional<InetAddress> remote, boolean overIpv6, int mtu) throws IOException {
        String name = freeName();
        Vxlan vxlan = new Vxlan(network.vxlanId(), network.vxlanPort(), remote);
        outside.createVxlan(
                new VxlanRequest(name, vxlan, overIpv6, mtu, Optional.empty(), Optional.of(pod.descriptor())));
        return inside.link(name).orElseThrow(() -> new IOException("The tunnel's device " + name + " vanished."));
    }

    private String freeName() throws IOException {
        Set<String> taken = new HashSet<>();
        inside.links().forEach(link -> taken.add(link.name()));
        String name = USUAL_NAME;
        for (int number = 1; taken.contains(name); number++) {
            name = OTHER_NAMES + number;
        }
        return name;
    }

    /** The worker's end of the wire has no address, so it shall not speak; without IPv6 in the kernel it cannot anyway. */
    private void withoutLinkLocalAddress(Link tunnel) {
        try {
            inside.changeLink(tunnel, LinkChange.nothing().andNoLinkLocalAddress());
        } catch (IOException e) {
            log.atDebug().addKeyValue("failure", e.getMessage()).log("the tunnel keeps its link-local address");
        }
    }

    private void redirect(Link from, Link to) throws IOException {
        if (!hasIngress(from)) {
            try {
                inside.addIngress(from);
            } catch (ErrnoException e) {
                if (!e.is(Errno.EEXIST)) {
                    throw e;
                }
            }
            progress.after("ingress of " + from.name());
        }
        List<IngressFilter> ours = ourFilters(from);
        if (ours.stream().anyMatch(filter -> filter.redirectTo() == to.index())) {
            return;
        }
        if (!ours.isEmpty()) {
            inside.deleteIngressFilters(from, FILTER_PRIORITY);
        }
        inside.addRedirect(from, to, FILTER_PRIORITY);
    }

    private boolean hasIngress(Link link) throws IOException {
        return inside.disciplines(link).stream().anyMatch(QueueDiscipline::isIngress);
    }

    private List<IngressFilter> ourFilters(Link link) throws IOException {
        return inside.ingressFilters(link).stream()
                .filter(filter -> filter.priority() == FILTER_PRIORITY)
                .toList();
    }

    private void rollBack(boolean keepDevice, Exception cause) {
        Cleanup cleanup = new Cleanup();
        cleanup.attempt(() -> disconnect(cleanup, keepDevice));
        cleanup.suppressOnto(cause);
    }

    void tearDown() throws IOException {
        Cleanup cleanup = new Cleanup();
        cleanup.attempt(() -> disconnect(cleanup, false));
        cleanup.attempt(this::deleteForgotten);
        cleanup.throwFirst();
    }

    /** A namespace has one pod: another device with our mark was reserved for it by a process that died before it could tell. */
    private void deleteForgotten() throws IOException {
        for (Link link : inside.links()) {
            if (link.vxlan().isPresent() && TunnelFacts.read(link).isPresent()) {
                inside.deleteLink(link);
            }
        }
    }

    /** The device goes last: its alias is the only record of what to restore. */
    private void disconnect(Cleanup cleanup, boolean keepDevice) throws IOException {
        Optional<Link> tunnel = find();
        Optional<TunnelFacts> facts = tunnel.flatMap(TunnelFacts::read);
        Optional<Link> podInterface = podInterface();
        if (podInterface.isPresent()) {
            cleanup.attempt(() -> removeRedirect(podInterface.get(), facts));
            if (facts.isPresent() && podInterface.get().mtu() < facts.get().mtu()) {
                LinkChange before = LinkChange.nothing().andMtu(facts.get().mtu());
                cleanup.attempt(() -> inside.changeLink(podInterface.get(), before));
            }
        }
        if (tunnel.isEmpty()) {
            return;
        }
        if (keepDevice) {
            Link device = tunnel.get();
            cleanup.attempt(() -> inside.changeLink(device, LinkChange.nothing().andUp(false)));
            if (hasIngress(device)) {
                cleanup.attempt(() -> inside.deleteIngress(device));
            }
        } else {
            inside.deleteLink(tunnel.get());
        }
    }

    private void removeRedirect(Link podInterface, Optional<TunnelFacts> facts) throws IOException {
        if (!hasIngress(podInterface)) {
            return;
        }
        if (!ourFilters(podInterface).isEmpty()) {
            inside.deleteIngressFilters(podInterface, FILTER_PRIORITY);
        }
        boolean wasOurs = facts.map(before -> !before.ingress()).orElse(false);
        if (wasOurs && inside.ingressFilters(podInterface).isEmpty()) {
            inside.deleteIngress(podInterface);
        }
    }
}
