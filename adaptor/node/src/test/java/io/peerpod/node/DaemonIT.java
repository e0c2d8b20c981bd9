// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpod.contract.Annotations;
import io.peerpod.contract.ForwarderConfig;
import io.peerpod.contract.GuestPaths;
import io.peerpod.contract.Initdata;
import io.peerpod.contract.UserData;
import io.peerpod.contract.hypervisor.CreateVMRequest;
import io.peerpod.contract.hypervisor.HypervisorGrpc;
import io.peerpod.contract.hypervisor.StartVMRequest;
import io.peerpod.contract.hypervisor.VersionRequest;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.PodVmSpec;
import io.peerpod.relay.RelayException;
import io.peerpod.ttrpc.TtrpcChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The daemon as a shim sees it. */
@Timeout(120)
class DaemonIT {
    private static final String TOML =
            "algorithm = \"sha256\"\nversion = \"0.1.0\"\n\n[data]\n\"aa.toml\" = '''\n'''\n";

    private Path folder = Path.of("");
    private Worker worker = new Worker(folder);

    @BeforeEach
    void start() throws Exception {
        // A test's own folder may be too long for a socket's path.
        folder = Files.createTempDirectory("ppn");
        worker = new Worker(folder);
        worker.start();
    }

    @AfterEach
    void stop() throws Exception {
        worker.close();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private void nothingIsLeft() {
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(worker.leftovers()).isEqualTo(Worker.NOTHING));
    }

    private static StatusRuntimeException refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        return catchThrowableOfType(StatusRuntimeException.class, call);
    }

    @Test
    void aPodIsCreatedStartedAndStoppedAndNothingIsLeft() throws Exception {
        String path = worker.create(Worker.request("a1"));
        assertThat(path).isEqualTo(worker.pods() + "/a1/agent.ttrpc");
        assertThat(worker.cloud.creates).as("CreateVM makes no cloud call").hasValue(0);
        worker.start("a1");
        assertThat(worker.cloud.made).hasValue(1);
        assertThat(worker.networks.tunnels).hasSize(1);
        assertThat(worker.relay.list()).hasSize(1);
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void versionIsThatOfTheReference() throws Exception {
        try (TtrpcChannel channel = TtrpcChannel.connect(worker.socket())) {
            assertThat(HypervisorGrpc.newBlockingStub(channel)
                            .version(VersionRequest.newBuilder().setVersion("1").build())
                            .getVersion())
                    .isEqualTo("0.0.0");
        }
    }

    @Test
    void theSameCreateVmAgainGetsTheSameAnswerAndAnotherOneIsRefused() throws Exception {
        CreateVMRequest request = Worker.request("a1");
        String first = worker.create(request);
        assertThat(worker.create(request)).isEqualTo(first);
        assertThat(worker.networks.prepares).hasValue(1);
        StatusRuntimeException other =
                refused(() -> worker.create(Worker.request("a1", Map.of(Annotations.VCPUS, "4"))));
        assertThat(Worker.failure(other))
                .startsWith("ALREADY_EXISTS")
                .contains("a1", "default/pod-a1", "other arguments");
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void aHundredCreateVmsOfOneSandboxMakeOnePlan() throws Exception {
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            answers.add(CompletableFuture.supplyAsync(() -> {
                try {
                    return worker.create(Worker.request("a1"));
                } catch (java.io.IOException e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        for (CompletableFuture<String> answer : answers) {
            assertThat(answer.get()).endsWith("/a1/agent.ttrpc");
        }
        assertThat(worker.networks.prepares).hasValue(1);
    }

    @Test
    void aCreateVmThatFailsLeavesNothing() throws Exception {
        worker.networks.broken = true;
        StatusRuntimeException failure = refused(() -> worker.create(Worker.request("a1")));
        assertThat(Worker.failure(failure))
                .startsWith("FAILED_PRECONDITION")
                .contains("/run/netns/a1", "default route");
        nothingIsLeft();
        worker.networks.broken = false;
        worker.create(Worker.request("a1"));
    }

    @Test
    void aFullDiskIsAnsweredBeforeTheCloudIsAsked() throws Exception {
        worker.storage.room = 20;
        StatusRuntimeException create = refused(() -> worker.create(Worker.request("a1")));
        assertThat(Worker.failure(create)).startsWith("UNAVAILABLE").contains("No space left", "Nothing was done");
        nothingIsLeft();
        worker.storage.room = -1;
        worker.create(Worker.request("a1"));
        worker.storage.room = 0;
        StatusRuntimeException start = refused(() -> worker.start("a1"));
        assertThat(Worker.failure(start)).startsWith("UNAVAILABLE").contains("No space left");
        assertThat(worker.cloud.creates).hasValue(0);
        worker.storage.room = -1;
        worker.start("a1");
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void aStopThatTheDiskRefusesIsKeptAndDoneLater() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        worker.storage.readOnly = true;
        StatusRuntimeException failure = refused(() -> worker.stop("a1"));
        assertThat(Worker.failure(failure)).startsWith("UNAVAILABLE").contains("a1");
        assertThat(worker.cloud.vms).hasSize(1);
        worker.storage.readOnly = false;
        nothingIsLeft();
    }

    @Test
    void oneSyncIsWaitedForBeforeTheCloudIsAsked() throws Exception {
        worker.create(Worker.request("a1"));
        int before = worker.storage.syncs.get();
        worker.cloud.gate = new CountDownLatch(1);
        CompletableFuture<Void> start = worker.startLater("a1");
        await().until(() -> worker.cloud.creates.get() == 1);
        assertThat(worker.storage.syncs.get()).isEqualTo(before + 1);
        worker.cloud.gate.countDown();
        start.get();
    }

    @Test
    void aSecondStartJoinsTheFirst() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.silent = true;
        CompletableFuture<Void> first = worker.startLater("a1");
        CompletableFuture<Void> second = worker.startLater("a1");
        await().until(() -> worker.relay.opens.get() == 1);
        assertThat(first).isNotDone();
        assertThat(second).isNotDone();
        worker.relay.answer();
        first.get();
        second.get();
        worker.start("a1");
        assertThat(worker.cloud.creates).hasValue(1);
        assertThat(worker.relay.opens).hasValue(1);
    }

    @Test
    void startVmOfAnUnknownSandboxSaysWhatToDo() {
        StatusRuntimeException failure = refused(() -> worker.start("a1"));
        assertThat(Worker.failure(failure)).startsWith("NOT_FOUND").contains("a1", "CreateVM comes first");
    }

    @Test
    void aRefusalOfTheCloudIsToldInItsWordsAndUndone() throws Exception {
        worker.create(Worker.request("a1"));
        worker.cloud.createFailures.add(
                new CloudFailure.OutOfCapacity("no Standard_DC2as_v5 in zone 1", Actor.OPERATOR));
        StatusRuntimeException failure = refused(() -> worker.start("a1"));
        assertThat(Worker.failure(failure))
                .startsWith("RESOURCE_EXHAUSTED")
                .contains("default/pod-a1", "podvm-pod-a1-a1", "no Standard_DC2as_v5 in zone 1", "operator");
        assertThat(worker.leftovers()).isEqualTo(Worker.NOTHING);
    }

    @Test
    void aFailureThatMayPassIsTriedAgain() throws Exception {
        worker.create(Worker.request("a1"));
        worker.cloud.createFailures.add(new CloudFailure.Throttled("slow down", Optional.of(Duration.ofMillis(10))));
        worker.start("a1");
        assertThat(worker.cloud.creates).hasValue(2);
    }

    @Test
    void aLostAnswerIsNoFailureAndMakesNoSecondVm() throws Exception {
        worker.create(Worker.request("a1"));
        worker.cloud.loseAnswer = true;
        worker.start("a1");
        assertThat(worker.cloud.made).hasValue(1);
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void aGuestThatNeverAnswersIsNamedAndUndone() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.refusal = new RelayException(
                RelayException.Failure.UNREACHABLE, "192.0.2.2:15150 refused the connection for 5 m");
        StatusRuntimeException failure = refused(() -> worker.start("a1"));
        assertThat(Worker.failure(failure))
                .startsWith("UNAVAILABLE")
                .contains("podvm-pod-a1-a1", "refused the connection");
        assertThat(worker.leftovers()).isEqualTo(Worker.NOTHING);
        assertThat(Worker.failure(refused(() -> worker.start("a1")))).startsWith("NOT_FOUND");
    }

    @Test
    void aTunnelThatFailsIsNamedAndUndone() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.silent = true;
        worker.networks.refusing = true;
        StatusRuntimeException failure = refused(() -> worker.start("a1"));
        assertThat(Worker.failure(failure)).contains("tunnel", "the kernel refuses a second tunnel");
        assertThat(worker.leftovers()).isEqualTo(Worker.NOTHING);
    }

    @Test
    void aVmThatSomebodyDeletesWhileItBootsIsNoticedBeforeTheBudgetEnds() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.silent = true;
        CompletableFuture<Void> start = worker.startLater("a1");
        await().until(() -> worker.relay.opens.get() == 1);
        worker.cloud.vms.clear();
        assertThatThrownBy(start::get).hasMessageContaining("deleted by somebody");
        nothingIsLeft();
    }

    @Test
    void stopVmOfAnUnknownOrOddIdIsSuccess() throws Exception {
        for (String id : List.of("", "never-seen", "../../etc", "x".repeat(5000))) {
            worker.stop(id);
        }
    }

    @Test
    void stopVmIsAnsweredBeforeTheCloudIsDoneAndConverges() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        worker.cloud.slowDeletes = 3;
        worker.cloud.deleteFailures.add(new CloudFailure.Throttled("slow down", Optional.of(Duration.ofMillis(5))));
        worker.cloud.deleteFailures.add(new CloudFailure.OutcomeUnknown("no answer"));
        worker.relay.failingCloses = 2;
        worker.stop("a1");
        worker.stop("a1");
        assertThat(worker.cloud.vms).hasSize(1);
        nothingIsLeft();
        assertThat(worker.cloud.deletes.get()).isGreaterThanOrEqualTo(5);
    }

    @Test
    void threeStopsAtOnceAreAllAnswered() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        List<CompletableFuture<Void>> stops = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            stops.add(CompletableFuture.runAsync(() -> {
                try {
                    worker.stop("a1");
                } catch (java.io.IOException e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        for (CompletableFuture<Void> stop : stops) {
            stop.get();
        }
        nothingIsLeft();
    }

    @Test
    void aStopWhileTheCreateIsUnderWayWaitsForItsLanding() throws Exception {
        worker.create(Worker.request("a1"));
        CountDownLatch gate = new CountDownLatch(1);
        worker.cloud.gate = gate;
        CompletableFuture<Void> start = worker.startLater("a1");
        await().until(() -> worker.cloud.creates.get() == 1);
        worker.stop("a1");
        assertThat(worker.cloud.deletes)
                .as("a delete would overtake the create")
                .hasValue(0);
        gate.countDown();
        assertThatThrownBy(start::get).hasMessageContaining("stopped while it was starting");
        nothingIsLeft();
    }

    @Test
    void aStopWhileTheGuestIsDialledEndsTheDialling() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.silent = true;
        CompletableFuture<Void> start = worker.startLater("a1");
        await().until(() -> worker.relay.opens.get() == 1);
        worker.stop("a1");
        assertThatThrownBy(start::get).hasMessageContaining("stopped while it was starting");
        nothingIsLeft();
    }

    @Test
    void aCallerThatGoesAwayChangesNothing() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.silent = true;
        try (TtrpcChannel channel = TtrpcChannel.connect(worker.socket())) {
            var unused = HypervisorGrpc.newFutureStub(channel)
                    .startVM(StartVMRequest.newBuilder().setId("a1").build());
            await().until(() -> worker.relay.opens.get() == 1);
            assertThat(unused.isDone()).isFalse();
        }
        worker.relay.answer();
        worker.start("a1");
        assertThat(worker.cloud.creates).hasValue(1);
    }

    @Test
    void aStartWithADeadlineOfItsOwnIsAnsweredInTimeAndGoesOn() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.silent = true;
        try (TtrpcChannel channel = TtrpcChannel.connect(worker.socket())) {
            assertThatThrownBy(() -> HypervisorGrpc.newBlockingStub(channel)
                            .withDeadlineAfter(200, TimeUnit.MILLISECONDS)
                            .startVM(StartVMRequest.newBuilder().setId("a1").build()))
                    .hasMessageContaining("DEADLINE_EXCEEDED");
        }
        worker.relay.answer();
        worker.start("a1");
        assertThat(worker.cloud.made).hasValue(1);
    }

    @Test
    void aGuestThatDiesUnderARunningPodEndsIt() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        worker.relay.lose("a1", "connection reset by 192.0.2.2");
        nothingIsLeft();
        worker.stop("a1");
    }

    @Test
    void aPodWithoutItsShimIsAnOrphanAndOneWithItIsNot() throws Exception {
        worker.close();
        worker.orphanGrace = Duration.ofMillis(200);
        worker.start();
        worker.create(Worker.request("a1"));
        worker.start("a1");
        Thread.sleep(600);
        assertThat(worker.cloud.vms).hasSize(1);
        worker.relay.connections = 0;
        nothingIsLeft();
    }

    @Test
    void getInfoWaitsForTheVmAndFailsWithoutWaiting() throws Exception {
        assertThat(Worker.failure(refused(() -> worker.info("pod-a1", false, Duration.ofSeconds(5)))))
                .startsWith("NOT_FOUND");
        assertThat(refused(() -> worker.info("pod-a1", true, Duration.ofMillis(100)))
                        .getStatus()
                        .getCode())
                .isEqualTo(Status.Code.DEADLINE_EXCEEDED);
        CompletableFuture<String> waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return worker.info("pod-a1", true, Duration.ofSeconds(30));
            } catch (java.io.IOException e) {
                throw new IllegalStateException(e);
            }
        });
        worker.create(Worker.request("a1"));
        worker.start("a1");
        assertThat(waiting.get()).isEqualTo("vm-1");
        assertThat(worker.info("pod-a1", false, Duration.ofSeconds(5))).isEqualTo("vm-1");
    }

    @Test
    void theGuestGetsItsConfigurationAndNoKeyStaysOnTheWorker() throws Exception {
        worker.create(Worker.request(
                "a1", Map.of(Annotations.INITDATA, TOML, Annotations.VCPUS, "1.5", Annotations.MEMORY, "512")));
        worker.start("a1");
        PodVmSpec spec = worker.cloud.specs.values().iterator().next();
        assertThat(spec.vcpus()).isEqualTo(1.5);
        assertThat(spec.memoryMib()).isEqualTo(512);
        assertThat(spec.owner().node()).isEqualTo("node");
        UserData userData = UserData.parse(spec.userData().getBytes(StandardCharsets.UTF_8));
        assertThat(Initdata.decode(userData.content(GuestPaths.INITDATA).orElseThrow())
                        .toml())
                .isEqualTo(TOML.getBytes(StandardCharsets.UTF_8));
        ForwarderConfig forwarder = ForwarderConfig.parse(
                userData.content(GuestPaths.APF_JSON).orElseThrow().getBytes(StandardCharsets.UTF_8));
        assertThat(forwarder.tlsServerKey().orElseThrow()).startsWith("-----BEGIN PRIVATE KEY-----");
        assertThat(forwarder.network().orElseThrow().vxlanId()).isEqualTo(555_000);
        assertThat(forwarder.podName()).isEqualTo("pod-a1");
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String mode = PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
                assertThat(mode).as("%s", file).isEqualTo("rw-------");
                assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                        .as("%s", file)
                        .doesNotContain(forwarder.tlsServerKey().orElseThrow().substring(28, 90));
            }
        }
        assertThat(Worker.files(worker.pods())).doesNotContain("apf.json");
    }

    @Test
    void hostileRequestsAreRefusedAndHarmNobody() throws Exception {
        for (String id : List.of("", "..", "a/b", "../x", "a\0b", "-x", ".hidden", "x".repeat(129), "a b", "é")) {
            assertThat(Worker.failure(refused(() -> worker.create(Worker.request(id)))))
                    .as(id)
                    .startsWith("INVALID_ARGUMENT")
                    .contains("id");
            assertThat(refused(() -> worker.start(id)).getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        }
        assertInvalid(Worker.request("a1").toBuilder().clearAnnotations().build(), Annotations.POD_NAME);
        assertInvalid(
                Worker.request("a1").toBuilder()
                        .removeAnnotations(Annotations.POD_NAMESPACE)
                        .build(),
                Annotations.POD_NAMESPACE);
        for (String namespace : List.of("", "relative", "/x\0y", "/" + "x".repeat(5000))) {
            assertInvalid(
                    Worker.request("a1").toBuilder()
                            .setNetworkNamespacePath(namespace)
                            .build(),
                    "networkNamespacePath");
        }
        assertInvalid(Worker.request("a1", Map.of(Annotations.INITDATA, "not = [toml")), "initdata");
        assertInvalid(Worker.request("a1", Map.of(Annotations.INITDATA, "algorithm = \"md5\"\n")), "algorithm");
        assertInvalid(Worker.request("a1", Map.of(Annotations.INITDATA, "x".repeat(2 << 20))), "at most");
        CreateVMRequest.Builder many = Worker.request("a1").toBuilder();
        for (int i = 0; i < 1000; i++) {
            many.putAnnotations("k" + i, "v");
        }
        assertInvalid(many.build(), "256");
        nothingIsLeft();
        worker.create(Worker.request(
                "a1", Map.of(Annotations.VCPUS, "many", Annotations.MEMORY, "-1", Annotations.GPUS, "1e9")));
        worker.start("a1");
    }

    private void assertInvalid(CreateVMRequest request, String names) {
        assertThat(Worker.failure(refused(() -> worker.create(request))))
                .startsWith("INVALID_ARGUMENT")
                .contains(names);
    }

    @Test
    void fiftyPodsAtOnceStartAndStopWithoutLeftovers() throws Exception {
        List<CompletableFuture<Void>> lives = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            String id = "many" + i;
            lives.add(CompletableFuture.runAsync(
                    () -> {
                        try {
                            worker.create(Worker.request(id));
                            worker.start(id);
                            worker.stop(id);
                        } catch (java.io.IOException e) {
                            throw new IllegalStateException(e);
                        }
                    },
                    java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor()));
        }
        for (CompletableFuture<Void> life : lives) {
            life.get();
        }
        assertThat(worker.cloud.made).hasValue(50);
        nothingIsLeft();
    }
}
