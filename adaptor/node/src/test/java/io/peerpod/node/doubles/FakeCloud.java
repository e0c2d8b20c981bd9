// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.doubles;

import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.provider.PodVmSpec;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A cloud in memory that outlives the daemons which use it, with scripted faults. */
public final class FakeCloud implements CloudProvider {
    public final Map<LaunchToken, PodVm> vms = new ConcurrentHashMap<>();
    public final Map<LaunchToken, PodVmSpec> specs = new ConcurrentHashMap<>();
    public final AtomicInteger creates = new AtomicInteger();
    public final AtomicInteger deletes = new AtomicInteger();
    /** How many different VMs were ever made. */
    public final AtomicInteger made = new AtomicInteger();
    /** Failures of the next create calls, before anything is made. */
    public final Queue<CloudFailure> createFailures = new ConcurrentLinkedQueue<>();
    /** Failures of the next delete calls. */
    public final Queue<CloudFailure> deleteFailures = new ConcurrentLinkedQueue<>();
    /** Held by the next create calls, after the VM was made and before the answer. */
    public volatile @Nullable CountDownLatch gate;
    /** Whether the next create makes its VM and loses the answer. */
    public volatile boolean loseAnswer;
    /** Whether the next create's answer is lost and its VM appears only after half of the landing window. */
    public volatile boolean landLate;
    /** How often a delete is only under way before the VM is gone. */
    public volatile int slowDeletes;

    /** Calls never take as long; orphans are as old at least. */
    public volatile Duration longestCall = Duration.ofSeconds(30);

    private final Queue<LaunchToken> deleting = new ArrayDeque<>();

    @Override
    public String name() {
        return "fake";
    }

    @Override
    public PodVm create(LaunchToken token, PodVmSpec spec) throws CloudException, InterruptedException {
        creates.incrementAndGet();
        CloudFailure failure = createFailures.poll();
        if (failure != null) {
            throw new CloudException(failure);
        }
        specs.put(token, spec);
        if (landLate) {
            landLate = false;
            CompletableFuture.delayedExecutor(landingWindow().toMillis() / 2, TimeUnit.MILLISECONDS)
                    .execute(() -> vms.computeIfAbsent(token, this::make));
            throw new CloudException(new CloudFailure.OutcomeUnknown("the answer was lost"));
        }
        PodVm vm = vms.computeIfAbsent(token, this::make);
        CountDownLatch held = gate;
        if (held != null) {
            held.await();
        }
        if (loseAnswer) {
            loseAnswer = false;
            throw new CloudException(new CloudFailure.OutcomeUnknown("the answer was lost"));
        }
        return vm;
    }

    private PodVm make(LaunchToken token) {
        int number = made.incrementAndGet();
        return new PodVm(
                "vm-" + number,
                token,
                PodVm.State.RUNNING,
                List.of(InetAddress.ofLiteral("192.0.2." + (number % 250 + 1))),
                Optional.ofNullable(specs.get(token)).map(PodVmSpec::createdAt),
                Optional.empty());
    }

    /** Somebody else makes a VM with this worker's tags. */
    public void plant(LaunchToken token, Optional<Instant> createdAt) {
        PodVm vm = make(token);
        vms.put(token, new PodVm(vm.id(), token, vm.state(), vm.addresses(), createdAt, Optional.empty()));
    }

    @Override
    public Optional<PodVm> find(LaunchToken token) {
        return Optional.ofNullable(vms.get(token));
    }

    @Override
    public List<PodVm> list(Owner owner) {
        return List.copyOf(vms.values());
    }

    @Override
    public synchronized Deletion delete(LaunchToken token) throws CloudException {
        deletes.incrementAndGet();
        CloudFailure failure = deleteFailures.poll();
        if (failure != null) {
            throw new CloudException(failure);
        }
        if (!vms.containsKey(token)) {
            return Deletion.ABSENT;
        }
        if (slowDeletes > 0) {
            slowDeletes--;
            deleting.add(token);
            return Deletion.UNDER_WAY;
        }
        vms.remove(token);
        return Deletion.ABSENT;
    }

    @Override
    public Duration longestCall() {
        return longestCall;
    }

    @Override
    public Duration landingWindow() {
        return Duration.ofMillis(300);
    }

    @Override
    public void close() {}
}
