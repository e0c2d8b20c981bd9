// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.plan;

import io.peerpod.network.HostNetwork;
import io.peerpod.network.InspectOptions;
import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.TunnelPlan;
import io.peerpod.network.VniAllocator;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The real pods' networks, as seen from the namespace that the daemon runs in. Opened at the first use, since the first native call
 * takes a tenth of a second, which is not to delay the daemon's socket.
 */
public final class HostPodNetworks implements PodNetworks {
    private final InspectOptions options;
    private final int minimumId;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile @Nullable Opened opened;

    /** What is open from the first use on, for the life of the process. */
    private record Opened(HostNetwork network, VniAllocator vnis) {}

    /**
     * Opens nothing yet.
     *
     * @param minimumId the smallest VNI
     */
    public HostPodNetworks(InspectOptions options, int minimumId) {
        this.options = options;
        this.minimumId = minimumId;
    }

    private Opened open() throws IOException {
        lock.lock();
        try {
            Opened known = opened;
            if (known == null) {
                NetworkNamespace host = NetworkNamespace.current();
                known = new Opened(new HostNetwork(host), new VniAllocator(host, minimumId, List.of()));
                opened = known;
            }
            return known;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void warmUp() throws IOException {
        open();
    }

    @Override
    public PodNetwork prepare(Path networkNamespace) throws IOException {
        Opened open = open();
        PodNetwork found = open.network().inspect(networkNamespace, options);
        return found.withVxlanId(open.vnis().reserve(networkNamespace, found), minimumId);
    }

    @Override
    public void adopt(PodNetwork found) throws IOException {
        open().vnis().adopt(found.vxlanId());
    }

    @Override
    public void setUp(TunnelPlan plan) throws IOException {
        open().network().setUp(plan);
    }

    @Override
    public Optional<Boolean> isAnswering(TunnelPlan plan, Duration patience) throws IOException {
        return open().network().isAnswering(plan, patience);
    }

    @Override
    public void tearDown(TunnelPlan plan) throws IOException {
        open().network().tearDown(plan);
    }

    @Override
    public void release(PodNetwork found) {
        Opened known = opened;
        if (known != null) {
            known.vnis().release(found.vxlanId());
        }
    }
}
