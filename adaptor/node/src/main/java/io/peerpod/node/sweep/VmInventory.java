// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.sweep;

import io.peerpod.node.effect.CallLimit;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.OrphanSweep;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The pod VMs of this worker in the cloud, each with a verdict. */
public final class VmInventory {
    private final CloudProvider provider;
    private final Owner owner;
    private final Supplier<OrphanSweep.Known> known;
    private final Clock clock;
    /** Since when (nanoseconds) each VM has been seen. */
    private final Map<String, Long> seenSince = new HashMap<>();

    /** @param known looks at the journals; asked after each listing */
    public VmInventory(CloudProvider provider, Owner owner, Supplier<OrphanSweep.Known> known, Clock clock) {
        this.provider = provider;
        this.owner = owner;
        this.known = known;
        this.clock = clock;
    }

    /** The least age of an orphan with this provider. */
    public Duration grace() {
        return OrphanSweep.grace(provider.longestCall(), provider.landingWindow());
    }

    /** Lists the cloud, then looks at the journals, and judges. */
    public synchronized List<OrphanSweep.Verdict> look() throws CloudException, InterruptedException {
        List<PodVm> listed =
                CallLimit.run(provider.longestCall(), "the list of this worker's pod VMs", () -> provider.list(owner));
        Instant now = clock.instant();
        return OrphanSweep.judge(listed, known.get(), watched(listed), now, grace());
    }

    private Map<String, Duration> watched(List<PodVm> listed) {
        long now = System.nanoTime();
        Map<String, Duration> watched = new HashMap<>();
        for (PodVm vm : listed) {
            long since = seenSince.computeIfAbsent(vm.id(), _ -> now);
            watched.put(vm.id(), Duration.ofNanos(now - since));
        }
        seenSince.keySet().retainAll(watched.keySet());
        return watched;
    }
}
