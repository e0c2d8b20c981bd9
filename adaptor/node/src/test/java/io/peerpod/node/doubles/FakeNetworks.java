// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.doubles;

import io.peerpod.network.PodNetwork;
import io.peerpod.network.TunnelPlan;
import io.peerpod.node.plan.PodNetworks;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The kernel's tunnels in memory; they outlive the daemons. */
public final class FakeNetworks implements PodNetworks {
    private static final int FIRST = 555_000;

    public final Set<Integer> reserved = new ConcurrentSkipListSet<>();
    public final Set<Integer> tunnels = ConcurrentHashMap.newKeySet();
    public final AtomicInteger prepares = new AtomicInteger();
    /** Whether no namespace can be used. */
    public volatile boolean broken;
    /** Whether the kernel refuses tunnels. */
    public volatile boolean refusing;
    /** Whether no packet passes any tunnel. */
    public volatile boolean blocked;
    /** Whether the next tear-down ends in a defect. */
    public volatile boolean defective;
    /** Held by every preparation. */
    public volatile @Nullable CountDownLatch gate;

    @Override
    public void warmUp() {}

    @Override
    public PodNetwork prepare(Path networkNamespace) throws IOException {
        boolean refused = broken;
        prepares.incrementAndGet();
        CountDownLatch held = gate;
        if (held != null) {
            try {
                held.await();
            } catch (InterruptedException e) {
                throw new IOException("interrupted", e);
            }
        }
        if (refused) {
            throw new IOException(
                    "network namespace " + networkNamespace + " has no default route; the CNI plugin makes it");
        }
        int vni = FIRST;
        while (!reserved.add(vni)) {
            vni++;
        }
        return Samples.network().withVxlanId(vni, FIRST);
    }

    @Override
    public void adopt(PodNetwork network) {
        reserved.add(network.vxlanId());
    }

    @Override
    public void setUp(TunnelPlan plan) throws IOException {
        if (refusing) {
            throw new IOException("the kernel refuses a second tunnel");
        }
        tunnels.add(plan.network().vxlanId());
    }

    @Override
    public Optional<Boolean> isAnswering(TunnelPlan plan, Duration patience) {
        return tunnels.contains(plan.network().vxlanId()) ? Optional.of(!blocked) : Optional.empty();
    }

    @Override
    public void tearDown(TunnelPlan plan) {
        if (defective) {
            defective = false;
            throw new IllegalStateException("a defect in tearDown");
        }
        tunnels.remove(plan.network().vxlanId());
    }

    @Override
    public void release(PodNetwork network) {
        reserved.remove(network.vxlanId());
    }
}
