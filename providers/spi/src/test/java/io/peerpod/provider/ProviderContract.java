// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What every provider must do, run unchanged by each: a provider's own test extends this class and hands out the {@link Cloud} to
 * run against. Every test ends with a check that the cloud holds nothing any more.
 */
public abstract class ProviderContract {
    private static final Owner US = new Owner("blue", "worker-1");
    private static final Owner THE_OTHER_NODE = new Owner("blue", "worker-2");
    private static final Owner THE_OTHER_CLUSTER = new Owner("green", "worker-1");
    private static final int PARALLEL = 8;

    /** The cloud that the provider talks to, real or emulated, from the point of view of a test. */
    public interface Cloud extends AutoCloseable {

        /** A provider that knows nothing but its configuration, as after a restart of the daemon. */
        CloudProvider connect() throws Exception;

        /** Makes the running VM of the token stop by itself, as a guest that crashes does. */
        void crash(LaunchToken token) throws Exception;

        /** Everything that the cloud holds for anybody, one line each; empty when nothing is left. */
        List<String> leftovers() throws Exception;

        /** How long the cloud may take for one step. */
        Duration patience();

        @Override
        void close() throws IOException;
    }

    private Cloud cloud;
    private CloudProvider provider;

    /** An empty cloud. */
    protected abstract Cloud openCloud() throws Exception;

    @BeforeEach
    final void connect() throws Exception {
        cloud = openCloud();
        provider = cloud.connect();
    }

    @AfterEach
    final void nothingIsLeft() throws Exception {
        try (Cloud closing = cloud;
                CloudProvider last = provider) {
            for (Owner owner : List.of(US, THE_OTHER_NODE, THE_OTHER_CLUSTER)) {
                for (PodVm vm : last.list(owner)) {
                    deleteUntilAbsent(last, vm.token());
                }
                assertThat(last.list(owner)).isEmpty();
            }
            assertThat(closing.leftovers()).isEmpty();
        }
    }

    @Test
    final void itHasTheNameOfTheCommandLine() {
        assertThat(provider.name()).matches("[a-z][a-z0-9]*");
    }

    @Test
    final void aCreatedVmHasAnAddressAndComesToRun() throws Exception {
        LaunchToken token = token(1);
        Instant before = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        PodVm created = provider.create(token, spec(US, before));
        assertThat(created.token()).isEqualTo(token);
        assertThat(created.id()).isNotEmpty();
        assertThat(created.addresses()).isNotEmpty();
        assertThat(created.state()).isIn(PodVm.State.CREATING, PodVm.State.RUNNING);
        assertThat(created.failure()).isEmpty();

        PodVm running = await(token, vm -> vm.state() == PodVm.State.RUNNING);
        assertThat(running.id()).isEqualTo(created.id());
        assertThat(running.addresses()).isEqualTo(created.addresses());
        assertThat(running.createdAt()).hasValueSatisfying(at -> assertThat(at).isBetween(before, Instant.now()));
    }

    @Test
    final void aSecondCreateReturnsTheVmOfTheFirst() throws Exception {
        LaunchToken token = token(1);
        PodVm first = provider.create(token, spec(US));
        PodVm second = provider.create(token, spec(US));
        assertThat(second.id()).isEqualTo(first.id());
        assertThat(second.addresses()).isEqualTo(first.addresses());
        assertThat(provider.list(US)).hasSize(1);
    }

    @Test
    final void createsAtTheSameTimeMakeOneVm() throws Exception {
        LaunchToken token = token(1);
        Set<String> ids = new HashSet<>();
        for (PodVm vm : atOnce(PARALLEL, ignored -> provider.create(token, spec(US)))) {
            ids.add(vm.id());
        }
        assertThat(ids).hasSize(1);
        assertThat(provider.list(US)).hasSize(1);
    }

    @Test
    final void vmsMadeAtTheSameTimeHaveAddressesOfTheirOwn() throws Exception {
        List<PodVm> vms = atOnce(PARALLEL, number -> provider.create(token(number), spec(US)));
        Set<InetAddress> addresses = new HashSet<>();
        vms.forEach(vm -> addresses.addAll(vm.addresses()));
        assertThat(addresses)
                .hasSize(vms.stream().mapToInt(vm -> vm.addresses().size()).sum());
        assertThat(vms.stream().map(PodVm::id).distinct()).hasSize(PARALLEL);
        assertThat(provider.list(US)).hasSize(PARALLEL);
        atOnce(PARALLEL, number -> {
            deleteUntilAbsent(provider, token(number));
            return true;
        });
        assertThat(provider.list(US)).isEmpty();
    }

    @Test
    final void aProviderThatKnowsNothingFindsTheVmByItsToken() throws Exception {
        PodVm created = provider.create(token(1), spec(US));
        provider.close();
        provider = cloud.connect();
        PodVm found = await(token(1), vm -> vm.state() == PodVm.State.RUNNING);
        assertThat(found.id()).isEqualTo(created.id());
        assertThat(found.addresses()).isEqualTo(created.addresses());
        assertThat(provider.create(token(1), spec(US)).id()).isEqualTo(created.id());
        assertThat(provider.list(US)).extracting(PodVm::id).containsExactly(created.id());
    }

    @Test
    final void anUnknownTokenIsNotFound() throws Exception {
        assertThat(provider.find(token(1))).isEmpty();
        provider.create(token(1), spec(US));
        assertThat(provider.find(token(2))).isEmpty();
    }

    @Test
    final void aListShowsOnlyTheOwnersVms() throws Exception {
        PodVm ours = provider.create(token(1), spec(US));
        PodVm neighbours = provider.create(token(2), spec(THE_OTHER_NODE));
        PodVm strangers = provider.create(token(3), spec(THE_OTHER_CLUSTER));
        assertThat(provider.list(US)).extracting(PodVm::id).containsExactly(ours.id());
        assertThat(provider.list(THE_OTHER_NODE)).extracting(PodVm::id).containsExactly(neighbours.id());
        assertThat(provider.list(THE_OTHER_CLUSTER)).extracting(PodVm::id).containsExactly(strangers.id());
        deleteUntilAbsent(provider, token(1));
        assertThat(provider.list(US)).isEmpty();
        assertThat(provider.list(THE_OTHER_NODE)).hasSize(1);
        assertThat(provider.list(new Owner("blue", "worker-3"))).isEmpty();
    }

    @Test
    final void aDeletedVmIsGone() throws Exception {
        provider.create(token(1), spec(US));
        deleteUntilAbsent(provider, token(1));
        assertThat(provider.find(token(1))).isEmpty();
        assertThat(provider.list(US)).isEmpty();
        assertThat(cloud.leftovers()).isEmpty();
        assertThat(provider.delete(token(1))).isEqualTo(CloudProvider.Deletion.ABSENT);
    }

    @Test
    final void deletingWhatNeverWasIsAbsent() throws Exception {
        assertThat(provider.delete(token(1))).isEqualTo(CloudProvider.Deletion.ABSENT);
    }

    @Test
    final void deletesAtTheSameTimeAllEndAbsent() throws Exception {
        provider.create(token(1), spec(US));
        atOnce(PARALLEL, ignored -> {
            deleteUntilAbsent(provider, token(1));
            return true;
        });
        assertThat(cloud.leftovers()).isEmpty();
    }

    @Test
    final void aTokenCanBeUsedAgainAfterItsDelete() throws Exception {
        PodVm first = provider.create(token(1), spec(US));
        deleteUntilAbsent(provider, token(1));
        PodVm second = provider.create(token(1), spec(US));
        assertThat(second.id()).isNotEqualTo(first.id());
        await(token(1), vm -> vm.state() == PodVm.State.RUNNING);
        assertThat(provider.list(US)).hasSize(1);
    }

    /** Whoever wins, a delete that is repeated after the create has landed leaves nothing. */
    @Test
    final void aDeleteDuringTheCreateLeavesNothingOnceTheCreateHasLanded() throws Exception {
        for (int round = 0; round < 3; round++) {
            LaunchToken token = token(round);
            CountDownLatch started = new CountDownLatch(1);
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                Future<Optional<PodVm>> creating = threads.submit(() -> {
                    started.countDown();
                    try {
                        return Optional.of(provider.create(token, spec(US)));
                    } catch (CloudException e) {
                        return Optional.empty();
                    }
                });
                started.await();
                provider.delete(token);
                creating.get();
            }
            deleteUntilAbsent(provider, token);
            assertThat(provider.find(token)).isEmpty();
            assertThat(cloud.leftovers()).isEmpty();
        }
    }

    @Test
    final void aCrashedVmIsFailedAndStaysUntilItIsDeleted() throws Exception {
        PodVm created = provider.create(token(1), spec(US));
        await(token(1), vm -> vm.state() == PodVm.State.RUNNING);
        cloud.crash(token(1));
        PodVm failed = await(token(1), vm -> vm.state() == PodVm.State.FAILED);
        assertThat(failed.id()).isEqualTo(created.id());
        assertThat(failed.failure())
                .hasValueSatisfying(failure -> assertThat(failure.message()).contains(token(1).instanceName()));
        assertThat(provider.list(US)).extracting(PodVm::state).containsExactly(PodVm.State.FAILED);
        provider.close();
        provider = cloud.connect();
        assertThat(provider.find(token(1))).map(PodVm::state).contains(PodVm.State.FAILED);
        deleteUntilAbsent(provider, token(1));
        assertThat(cloud.leftovers()).isEmpty();
    }

    @Test
    final void anInterruptEndsEveryCall() throws Exception {
        List<Callable<?>> calls = List.of(
                () -> provider.create(token(1), spec(US)),
                () -> provider.find(token(1)),
                () -> provider.list(US),
                () -> provider.delete(token(1)));
        for (Callable<?> call : calls) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(call::call).isInstanceOf(InterruptedException.class);
            assertThat(Thread.interrupted()).isFalse();
        }
        deleteUntilAbsent(provider, token(1));
        assertThat(cloud.leftovers()).isEmpty();
    }

    /** The interrupt comes at any moment of the create; what was made until then is found or gone, and can be deleted. */
    @Test
    final void aCreateThatIsInterruptedHalfWayLeavesNothingAfterItsDelete() throws Exception {
        for (int round = 0; round < 5; round++) {
            LaunchToken token = token(round);
            CountDownLatch started = new CountDownLatch(1);
            Thread creating = Thread.ofVirtual().start(() -> {
                started.countDown();
                try {
                    provider.create(token, spec(US));
                } catch (CloudException | InterruptedException e) {
                    // Either is an answer; what counts is what is left.
                }
            });
            started.await();
            Thread.sleep(Duration.ofMillis(round * 7L));
            creating.interrupt();
            creating.join();
            deleteUntilAbsent(provider, token);
            assertThat(cloud.leftovers()).isEmpty();
        }
    }

    /** Clouds restrict the characters and the length of tags; Kubernetes names and a user's tags are not a reason to fail. */
    @Test
    final void longAndUnusualNamesAreNoReasonToFail() throws Exception {
        PodVmSpec spec = new PodVmSpec(
                new Owner("k".repeat(253), "worker-ä-\u6f22\u5b57"),
                "n".repeat(63),
                "pod." + "x".repeat(249),
                Instant.now(),
                userData(),
                Optional.empty(),
                Optional.empty(),
                0,
                0,
                0,
                Map.of("owner", "J\u00f6rg \"\\\n=;\u0001 \ud83d\ude80", "empty", ""));
        LaunchToken token = new LaunchToken("s".repeat(64), "podvm-" + "p".repeat(48) + "-12345678");
        provider.create(token, spec);
        assertThat(provider.list(spec.owner())).extracting(PodVm::token).containsExactly(token);
        deleteUntilAbsent(provider, token);
        assertThat(provider.list(spec.owner())).isEmpty();
    }

    private PodVm await(LaunchToken token, Predicate<PodVm> wanted) throws Exception {
        Instant end = Instant.now().plus(cloud.patience());
        while (true) {
            Optional<PodVm> seen = provider.find(token);
            if (seen.filter(wanted).isPresent()) {
                return seen.get();
            }
            assertThat(Instant.now())
                    .as("%s is still %s", token.instanceName(), seen)
                    .isBefore(end);
            Thread.sleep(Duration.ofMillis(5));
        }
    }

    private void deleteUntilAbsent(CloudProvider from, LaunchToken token) throws Exception {
        Instant end = Instant.now().plus(cloud.patience());
        while (from.delete(token) == CloudProvider.Deletion.UNDER_WAY) {
            assertThat(Instant.now())
                    .as("%s is still being deleted", token.instanceName())
                    .isBefore(end);
            Thread.sleep(Duration.ofMillis(5));
        }
    }

    private interface Numbered<T> {
        T call(int number) throws Exception;
    }

    private static <T> List<T> atOnce(int count, Numbered<T> task) throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<T>> pending = new ArrayList<>();
            for (int number = 0; number < count; number++) {
                int own = number;
                pending.add(threads.submit(() -> task.call(own)));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> one : pending) {
                results.add(one.get());
            }
            return results;
        } catch (ExecutionException e) {
            throw new AssertionError("one of " + count + " calls failed: " + e.getCause(), e);
        }
    }

    /** A token of its own for each number. */
    protected static LaunchToken token(int number) {
        return new LaunchToken("%064x".formatted(number + 0xabc0), "podvm-contract-%08x".formatted(number + 0xabc0));
    }

    private static PodVmSpec spec(Owner owner) {
        return spec(owner, Instant.now().truncatedTo(ChronoUnit.SECONDS));
    }

    private static PodVmSpec spec(Owner owner, Instant createdAt) {
        return new PodVmSpec(
                owner,
                "default",
                "contract",
                createdAt,
                userData(),
                Optional.empty(),
                Optional.empty(),
                1,
                512,
                0,
                Map.of("purpose", "contract"));
    }

    private static String userData() {
        return "#cloud-config\n\nwrite_files:\n  - path: /run/peerpod/scratch-space.marker\n";
    }
}
