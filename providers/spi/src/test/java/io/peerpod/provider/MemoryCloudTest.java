// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Proves the contract itself: the smallest cloud that keeps it. A VM is created on its second look and gone on its second. */
final class MemoryCloudTest extends ProviderContract {

    @Override
    protected Cloud openCloud() {
        return new MemoryCloud();
    }

    private record Vm(PodVm shown, Owner owner) {
        Vm in(PodVm.State state, Optional<CloudFailure> failure) {
            return new Vm(
                    new PodVm(shown.id(), shown.token(), state, shown.addresses(), shown.createdAt(), failure), owner);
        }
    }

    private static final class MemoryCloud implements Cloud {
        private final Map<LaunchToken, Vm> vms = new ConcurrentHashMap<>();
        private final AtomicInteger made = new AtomicInteger();

        @Override
        public CloudProvider connect() {
            return new MemoryProvider(this);
        }

        @Override
        public void crash(LaunchToken token) {
            CloudFailure stopped =
                    new CloudFailure.Rejected(token.instanceName() + " stopped by itself", CloudFailure.Actor.OPERATOR);
            vms.computeIfPresent(token, (key, vm) -> vm.in(PodVm.State.FAILED, Optional.of(stopped)));
        }

        @Override
        public List<String> leftovers() {
            return vms.keySet().stream().map(LaunchToken::instanceName).toList();
        }

        @Override
        public Duration patience() {
            return Duration.ofSeconds(10);
        }

        @Override
        public void close() {
            vms.clear();
        }

        Vm launch(LaunchToken token, PodVmSpec spec) {
            return vms.computeIfAbsent(token, key -> {
                int number = made.incrementAndGet();
                InetAddress address = InetAddress.ofLiteral("192.0.2." + number);
                return new Vm(
                        new PodVm(
                                "vm-" + number,
                                token,
                                PodVm.State.CREATING,
                                List.of(address),
                                Optional.of(spec.createdAt()),
                                Optional.empty()),
                        spec.owner());
            });
        }
    }

    private record MemoryProvider(MemoryCloud cloud) implements CloudProvider {

        @Override
        public String name() {
            return "memory";
        }

        @Override
        public PodVm create(LaunchToken token, PodVmSpec spec) throws InterruptedException {
            endOnInterrupt();
            return cloud.launch(token, spec).shown();
        }

        @Override
        public Optional<PodVm> find(LaunchToken token) throws InterruptedException {
            endOnInterrupt();
            Optional<PodVm> seen = Optional.ofNullable(cloud.vms.get(token)).map(Vm::shown);
            cloud.vms.computeIfPresent(
                    token,
                    (key, vm) -> vm.shown().state() == PodVm.State.CREATING
                            ? vm.in(PodVm.State.RUNNING, Optional.empty())
                            : vm);
            return seen;
        }

        @Override
        public List<PodVm> list(Owner owner) throws InterruptedException {
            endOnInterrupt();
            return cloud.vms.values().stream()
                    .filter(vm -> vm.owner().equals(owner))
                    .map(Vm::shown)
                    .toList();
        }

        @Override
        public Deletion delete(LaunchToken token) throws InterruptedException {
            endOnInterrupt();
            Vm left = cloud.vms.computeIfPresent(
                    token,
                    (key, vm) -> vm.shown().state() == PodVm.State.DELETING
                            ? null
                            : vm.in(PodVm.State.DELETING, vm.shown().failure()));
            return left == null ? Deletion.ABSENT : Deletion.UNDER_WAY;
        }

        @Override
        public void close() {}

        private static void endOnInterrupt() throws InterruptedException {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
        }
    }
}
