// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * The worker's half of a pod's network: reads what the CNI plugin made, and makes the pod's interface and the tunnel one wire
 * (adaptor.md 6.2, 6.3, 6.5). Every call may be repeated, also after a kill at any point; any number may run at once. Usable from
 * any thread; blocks for milliseconds.
 */
public final class HostNetwork {
    private final NetworkNamespace host;

    /**
     * @param host the namespace in which the tunnels' UDP sockets live; stays open and the caller's
     */
    public HostNetwork(NetworkNamespace host) {
        this.host = host;
    }

    /** The half that belongs to the calling thread's namespace, for the life of the process. */
    public static HostNetwork ofThisNamespace() throws IOException {
        return new HostNetwork(NetworkNamespace.current());
    }

    /**
     * Reads the pod's network. VNI and index are still 0: see {@link VniAllocator#reserve} and {@link PodNetwork#withVxlanId}.
     *
     * @throws NoSuchFileException if the namespace is absent
     * @throws IOException with a sentence that says what is missing
     */
    public PodNetwork inspect(Path podNetns, InspectOptions options) throws IOException {
        Underlay underlay;
        try (RouteNetlink netlink = host.routeNetlink()) {
            underlay = Underlay.choose(netlink, options.hostInterface());
        }
        try (NetworkNamespace pod = NetworkNamespace.open(podNetns);
                RouteNetlink netlink = pod.routeNetlink()) {
            return new PodInspection(netlink, podNetns.toString()).read(underlay, options);
        }
    }

    /**
     * Connects the pod's interface with the pod VM. What is there already is kept; after a failure nothing is left but the device
     * that holds the VNI, if there was one before.
     *
     * @throws IOException if the namespace is gone, the VM has no fitting address, or the kernel refuses
     */
    public void setUp(TunnelPlan plan) throws IOException {
        setUp(plan, HostTunnel.Progress.NONE);
    }

    void setUp(TunnelPlan plan, HostTunnel.Progress progress) throws IOException {
        try (NetworkNamespace pod = NetworkNamespace.open(plan.podNetns());
                RouteNetlink inside = pod.routeNetlink();
                RouteNetlink outside = host.routeNetlink()) {
            InetAddress remote = plan.remote();
            new HostTunnel(host, pod, outside, inside, plan.network(), progress).setUp(remote);
            Untracked.add(host, remote, plan.network().vxlanPort());
        }
    }

    /**
     * Removes the tunnel and what was changed for it, and with the device frees its VNI in the kernel. A pod namespace that is gone
     * took all of it along. Goes on past failures.
     *
     * @throws IOException the first failure, the others suppressed
     */
    public void tearDown(TunnelPlan plan) throws IOException {
        try (NetworkNamespace pod = NetworkNamespace.open(plan.podNetns());
                RouteNetlink inside = pod.routeNetlink();
                RouteNetlink outside = host.routeNetlink()) {
            new HostTunnel(host, pod, outside, inside, plan.network(), HostTunnel.Progress.NONE).tearDown();
        } catch (NoSuchFileException gone) {
            // And with it the tunnel.
        } finally {
            for (InetAddress address : plan.vmAddresses()) {
                Untracked.remove(host, address, plan.network().vxlanPort());
            }
        }
    }

    /**
     * Sends a question through the tunnel that the guest's kernel answers by itself.
     *
     * @return whether the answer came back within the time; empty for a pod that only has IPv6, of which this cannot be told, and when
     *     there is no tunnel
     */
    public Optional<Boolean> isAnswering(TunnelPlan plan, Duration patience) throws IOException {
        try (NetworkNamespace pod = NetworkNamespace.open(plan.podNetns());
                RouteNetlink inside = pod.routeNetlink();
                RouteNetlink outside = host.routeNetlink()) {
            Optional<Link> tunnel =
                    new HostTunnel(host, pod, outside, inside, plan.network(), HostTunnel.Progress.NONE).find();
            Optional<TunnelProbe> probe = tunnel.flatMap(link -> TunnelProbe.of(pod, link, plan.network()));
            return probe.isEmpty() ? Optional.empty() : Optional.of(probe.get().answered(patience));
        }
    }
}
