// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod VM's half of a pod's network: gives the namespace of the containers an interface with the name, hardware address, IP
 * addresses, routes and neighbours that the pod has on its worker, and the tunnel behind it (adaptor.md 6.4). Every call may be
 * repeated, also after a kill at any point.
 */
public final class GuestNetwork {
    private static final Logger log = LoggerFactory.getLogger(GuestNetwork.class);

    /** How long the VM's own network may take to come up. */
    private static final Duration UNDERLAY_WAIT = Duration.ofMinutes(3);

    private static final Duration UNDERLAY_POLL = Duration.ofMillis(100);

    private final NetworkNamespace host;
    private final Duration underlayWait;

    /**
     * @param host the VM's own namespace; stays open and the caller's
     */
    public GuestNetwork(NetworkNamespace host) {
        this(host, UNDERLAY_WAIT);
    }

    GuestNetwork(NetworkNamespace host, Duration underlayWait) {
        this.host = host;
        this.underlayWait = underlayWait;
    }

    /** The half that belongs to the calling thread's namespace, for the life of the process. */
    public static GuestNetwork ofThisNamespace() throws IOException {
        return new GuestNetwork(NetworkNamespace.current());
    }

    /**
     * Sets the pod's network up; makes the namespace if it is absent. Waits up to three minutes for the VM's own network.
     *
     * @param network as the worker wrote it; nothing in it is trusted
     * @param podns where the containers' namespace is bound
     * @param hostInterface the VM's interface for the tunnel, needed if the network is dedicated
     * @throws IOException with a sentence that says what is missing; what this call made is gone again
     * @throws InterruptedException if interrupted while waiting
     */
    public void setUp(PodNetwork network, Path podns, Optional<String> hostInterface)
            throws IOException, InterruptedException {
        setUp(network, podns, hostInterface, HostTunnel.Progress.NONE);
    }

    void setUp(PodNetwork network, Path podns, Optional<String> hostInterface, HostTunnel.Progress progress)
            throws IOException, InterruptedException {
        GuestTunnel.check(network);
        try (RouteNetlink outside = host.routeNetlink()) {
            int pathMtu = awaitUnderlay(outside, network, hostInterface);
            try (NetworkNamespace pod = NetworkNamespace.create(podns);
                    RouteNetlink inside = pod.routeNetlink()) {
                GuestTunnel tunnel = new GuestTunnel(pod, outside, inside, network, progress);
                tunnel.setUp(pathMtu);
                if (network.externalNetViaPodVm()) {
                    addExternal(new ExternalInterface(host, pod, outside, inside), tunnel);
                }
                Untracked.add(host, network.workerAddress().address(), network.vxlanPort());
            }
        }
    }

    private void addExternal(ExternalInterface external, GuestTunnel tunnel) throws IOException {
        try {
            external.moveIn();
        } catch (IOException | RuntimeException e) {
            Cleanup cleanup = new Cleanup();
            cleanup.attempt(tunnel::tearDown);
            cleanup.suppressOnto(e);
            throw e;
        }
    }

    /**
     * Removes the tunnel and gives the VM's second interface back. A namespace that is gone took all of it along.
     *
     * @throws IOException the first failure, the others suppressed
     */
    public void tearDown(PodNetwork network, Path podns) throws IOException {
        try (NetworkNamespace pod = NetworkNamespace.open(podns);
                RouteNetlink outside = host.routeNetlink();
                RouteNetlink inside = pod.routeNetlink()) {
            Cleanup cleanup = new Cleanup();
            cleanup.attempt(() -> new GuestTunnel(pod, outside, inside, network, HostTunnel.Progress.NONE).tearDown());
            if (network.externalNetViaPodVm()) {
                cleanup.attempt(() -> new ExternalInterface(host, pod, outside, inside).moveOut());
            }
            cleanup.throwFirst();
        } catch (NoSuchFileException gone) {
            // And with it the tunnel.
        } finally {
            Untracked.remove(host, network.workerAddress().address(), network.vxlanPort());
        }
    }

    /** Waits for a way to the worker through an interface that has an address; returns the MTU of a tunnel on it. */
    private int awaitUnderlay(RouteNetlink outside, PodNetwork network, Optional<String> hostInterface)
            throws IOException, InterruptedException {
        if (network.dedicated() && hostInterface.isEmpty()) {
            throw new IOException("The worker says that this pod's tunnel has an interface of its own, so the forwarder"
                    + " must be told which one: give it -host-interface.");
        }
        long deadline = System.nanoTime() + underlayWait.toNanos();
        while (true) {
            try {
                return underlayMtu(outside, network.workerAddress().address(), network.dedicated(), hostInterface);
            } catch (IOException notYet) {
                if (System.nanoTime() - deadline >= 0) {
                    throw new IOException(
                            "The pod VM has no way to its worker " + network.workerAddress() + " within " + underlayWait
                                    + ". Check the VM's own network: " + notYet.getMessage(),
                            notYet);
                }
                log.atDebug().addKeyValue("failure", notYet.getMessage()).log("the VM's network is not up yet");
            }
            Thread.sleep(UNDERLAY_POLL);
        }
    }

    private static int underlayMtu(
            RouteNetlink outside, InetAddress worker, boolean dedicated, Optional<String> hostInterface)
            throws IOException {
        RouteEntry way = outside.routeTo(worker);
        Link link =
                outside.link(way.link()).orElseThrow(() -> new IOException("The interface to the worker vanished."));
        NamespaceView view = NamespaceView.of(outside);
        if (dedicated) {
            String name = hostInterface.orElseThrow();
            Link named = outside.link(name).orElseThrow(() -> new IOException("There is no interface " + name + "."));
            int primary = view.defaultRoute().map(RouteEntry::link).orElse(0);
            if (named.index() == primary) {
                throw new IOException(
                        "The interface " + name + " is that of the default route, but the tunnel needs another.");
            }
            requireAddress(view, named);
        } else if (!link.isLoopback()) {
            requireAddress(view, link);
        }
        return TunnelMtu.of(link, way, worker);
    }

    private static void requireAddress(NamespaceView view, Link link) throws IOException {
        if (!view.hasUsableAddress(link)) {
            throw new IOException("The interface " + link.name() + " has no address.");
        }
    }
}
