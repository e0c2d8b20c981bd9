// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Gives every pod of a worker its own VNI. The kernel is the judge: a VNI is reserved by creating the tunnel's device, still without
 * a remote and down, in the pod's namespace. The kernel refuses a second device with that VNI and port for this worker whoever made
 * the first (a pod of before a restart, another daemon during an update, another product), and the reservation ends by itself with
 * the pod's namespace. What the kernel cannot know is held here: a VNI whose namespace is gone but whose VM may still send.
 *
 * <p>Numbers are handed out upwards and start again at the smallest, so that a freed one rests as long as possible. Thread-safe.
 */
public final class VniAllocator {
    /** The largest VNI: 24 bits. */
    public static final int MAX_VNI = 0xFFFFFF;

    /** A worker has hundreds of tunnels; after so many that are in use something else is wrong. */
    private static final int MAX_ATTEMPTS = 20_000;

    private final NetworkNamespace host;
    private final int minimumId;
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<Integer> held = new HashSet<>();
    private int next;

    /**
     * @param host the namespace in which the tunnels' UDP sockets live; stays open and the caller's
     * @param minimumId the smallest VNI to hand out, 1 to 16777215
     * @param reserved VNIs of sandboxes that the journal knows
     */
    public VniAllocator(NetworkNamespace host, int minimumId, Collection<Integer> reserved) {
        if (minimumId < 1 || minimumId > MAX_VNI) {
            throw new IllegalArgumentException(
                    "The smallest VNI is " + minimumId + "; it must be within 1 to " + MAX_VNI + ".");
        }
        this.host = host;
        this.minimumId = minimumId;
        this.next = minimumId;
        reserved.forEach(this::adopt);
    }

    /**
     * Reserves a VNI for the pod's tunnel; it is this pod's until {@link HostNetwork#tearDown} and {@link #release}.
     *
     * @param podNetns where the pod's namespace is bound
     * @param network as {@link HostNetwork#inspect} gave it
     * @return the VNI, for {@link PodNetwork#withVxlanId}
     * @throws IOException if the namespace is gone or no VNI is free
     */
    public int reserve(Path podNetns, PodNetwork network) throws IOException {
        try (NetworkNamespace pod = NetworkNamespace.open(podNetns);
                RouteNetlink inside = pod.routeNetlink();
                RouteNetlink outside = host.routeNetlink()) {
            int attempts = Math.min(MAX_ATTEMPTS, MAX_VNI - minimumId + 1);
            for (int attempt = 0; attempt < attempts; attempt++) {
                int vni = claim();
                PodNetwork candidate = network.withVxlanId(vni, minimumId);
                HostTunnel tunnel = new HostTunnel(host, pod, outside, inside, candidate, HostTunnel.Progress.NONE);
                try {
                    tunnel.reserve();
                    return vni;
                } catch (ErrnoException e) {
                    if (!e.is(Errno.EEXIST)) {
                        giveUp(tunnel, vni, e);
                        throw e;
                    }
                    release(vni);
                } catch (IOException | RuntimeException e) {
                    giveUp(tunnel, vni, e);
                    throw e;
                }
            }
        }
        throw new IOException("No VNI from " + minimumId + " on is free on UDP port " + network.vxlanPort()
                + ": all that were tried are in use. Remove tunnels that nobody needs, or change vxlan-min-id.");
    }

    private void giveUp(HostTunnel tunnel, int vni, Exception cause) {
        release(vni);
        Cleanup cleanup = new Cleanup();
        cleanup.attempt(tunnel::tearDown);
        cleanup.suppressOnto(cause);
    }

    private int claim() throws IOException {
        lock.lock();
        try {
            int range = MAX_VNI - minimumId + 1;
            for (int tried = 0; tried < range; tried++) {
                int candidate = next;
                next = next == MAX_VNI ? minimumId : next + 1;
                if (held.add(candidate)) {
                    return candidate;
                }
            }
        } finally {
            lock.unlock();
        }
        throw new IOException("Every VNI from " + minimumId + " to " + MAX_VNI + " is in use by a pod of this worker.");
    }

    /** Holds a VNI that a journal names; never handed out again until released. Ignores one that is out of range. */
    public void adopt(int vni) {
        lock.lock();
        try {
            if (vni >= minimumId && vni <= MAX_VNI && held.add(vni) && vni >= next) {
                next = vni == MAX_VNI ? minimumId : vni + 1;
            }
        } finally {
            lock.unlock();
        }
    }

    /** The VNI may be handed out again, as soon as the kernel agrees; nothing to do if it is not held. */
    public void release(int vni) {
        lock.lock();
        try {
            held.remove(vni);
        } finally {
            lock.unlock();
        }
    }
}
