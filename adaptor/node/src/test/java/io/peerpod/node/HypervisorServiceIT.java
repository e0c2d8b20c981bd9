// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.grpc.StatusRuntimeException;
import io.peerpod.contract.Annotations;
import io.peerpod.contract.hypervisor.CreateVMRequest;
import io.peerpod.contract.hypervisor.HypervisorGrpc;
import io.peerpod.contract.hypervisor.StopVMRequest;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.ttrpc.FrameHeader;
import io.peerpod.ttrpc.TtrpcChannel;
import io.peerpod.ttrpc.wire.Request;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What odd callers, odd timing and defects of our own do to a sandbox. */
@Timeout(120)
class HypervisorServiceIT extends WorkerFixture {
    private CompletableFuture<String> createLater(CreateVMRequest request) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return worker.create(request);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    /** StopVM as bytes, by a caller that goes away without waiting for the answer. */
    private static void stopAndLeave(Path socket, String id, long timeoutNanos) throws IOException {
        byte[] request = Request.newBuilder()
                .setService(HypervisorGrpc.SERVICE_NAME)
                .setMethod("StopVM")
                .setPayload(StopVMRequest.newBuilder().setId(id).build().toByteString())
                .setTimeoutNano(timeoutNanos)
                .build()
                .toByteArray();
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.HEADER_BYTES + request.length);
        new FrameHeader(request.length, 1, FrameHeader.TYPE_REQUEST, 0).write(frame);
        frame.put(request).flip();
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            while (frame.hasRemaining()) {
                channel.write(frame);
            }
        }
    }

    @Test
    void aStopWhoseDeadlineHasPassedOnArrivalStillDeletes() throws Exception {
        for (long nanos : List.of(1L, 1_000L, 1_000_000L)) {
            worker.create(Worker.request("a1"));
            worker.start("a1");
            stopAndLeave(worker.socket(), "a1", nanos);
            nothingIsLeft();
        }
    }

    @Test
    void aStopWhoseCallerHangsUpStillDeletes() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        worker.cloud.slowDeletes = 2;
        stopAndLeave(worker.socket(), "a1", 0);
        nothingIsLeft();
    }

    @Test
    void aCreateVmThatWaitedForOneThatFailedIsNotForgotten() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        worker.networks.gate = gate;
        worker.networks.broken = true;
        CompletableFuture<String> first = createLater(Worker.request("a1"));
        await().until(() -> worker.networks.prepares.get() == 1);
        worker.networks.broken = false;
        CompletableFuture<String> second = createLater(Worker.request("a1"));
        // Long enough for the second to stand behind the first; were it later, it would only prove less.
        Thread.sleep(300);
        gate.countDown();
        assertThatThrownBy(first::get).hasMessageContaining("default route");
        assertThat(second.get()).endsWith("/a1/agent.ttrpc");
        worker.start("a1");
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void aCreateThatLandsLateIsTheSameVm() throws Exception {
        worker.create(Worker.request("a1"));
        worker.cloud.landLate = true;
        worker.start("a1");
        assertThat(worker.cloud.made).hasValue(1);
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void aStopBeforeALateLandingDeletesWhatLands() throws Exception {
        worker.create(Worker.request("a1"));
        worker.cloud.landLate = true;
        CompletableFuture<Void> start = worker.startLater("a1");
        await().until(() -> worker.cloud.creates.get() == 1);
        worker.stop("a1");
        assertThatThrownBy(start::get).hasMessageContaining("stopped while it was starting");
        nothingIsLeft();
    }

    @Test
    void everyRefusalOfTheCloudNamesPodObjectAndWhoseTurnItIs() throws Exception {
        Map<CloudFailure, String> refusals = Map.of(
                new CloudFailure.Rejected("image img-1 does not exist", Actor.USER),
                        "FAILED_PRECONDITION|img-1|whoever wrote the pod",
                new CloudFailure.Unauthorised("the key was withdrawn"), "PERMISSION_DENIED|withdrawn|turn: ",
                new CloudFailure.OutOfCapacity("zone 1 is full", Actor.CLOUD), "RESOURCE_EXHAUSTED|zone 1|the cloud");
        for (Map.Entry<CloudFailure, String> refusal : refusals.entrySet()) {
            String[] expected = refusal.getValue().split("\\|", -1);
            worker.create(Worker.request("a1"));
            worker.cloud.createFailures.add(refusal.getKey());
            StatusRuntimeException failure = refused(() -> worker.start("a1"));
            assertThat(Worker.failure(failure))
                    .startsWith(expected[0])
                    .contains("default/pod-a1", "podvm-pod-a1-a1", "sandbox a1", expected[1], expected[2]);
            assertThat(worker.leftovers()).isEqualTo(Worker.NOTHING);
        }
    }

    @Test
    void aDefectInOneStepOfAStopDoesNotKeepTheSandbox() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        worker.relay.defects.add("close");
        worker.networks.defective = true;
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void aDefectWhileConnectingIsToldAndUndone() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.defects.add("open");
        StatusRuntimeException failure = refused(() -> worker.start("a1"));
        assertThat(Worker.failure(failure)).contains("default/pod-a1", "a defect in open");
        nothingIsLeft();
    }

    @Test
    void aDefectWhileWatchingAGuestDoesNotEndTheWatch() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.defects.add("awaitEnd");
        worker.start("a1");
        await().until(worker.relay.defects::isEmpty);
        worker.relay.lose("a1", "connection reset");
        nothingIsLeft();
    }

    @Test
    void hostileAnnotationsAreRefusedAndHarmNobody() throws Exception {
        for (String name : List.of("", "a\0b", "a b", "x".repeat(10_000), "k8s_", "k8s__default")) {
            assertThat(Worker.failure(refused(
                            () -> worker.create(Worker.request("a1", Map.of(Annotations.POD_NAME, name))))))
                    .as(name)
                    .startsWith("INVALID_ARGUMENT")
                    .contains(Annotations.POD_NAME)
                    .hasSizeLessThan(2_000);
        }
        String id = "x".repeat(10_000);
        assertThat(Worker.failure(refused(() -> worker.create(Worker.request(id)))))
                .startsWith("INVALID_ARGUMENT")
                .contains("10000 characters")
                .hasSizeLessThan(1_000);
        worker.stop(id);
        worker.stop("a\0b");
        nothingIsLeft();
        String odd = "\u00e9\u0085\ufffe\ud83d\ude00'\"\\#{}";
        worker.create(Worker.request("a1", Map.of(Annotations.POD_NAME, odd, Annotations.POD_NAMESPACE, odd)));
        worker.start("a1");
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void theLargestInitdataThatIsTakenIsStarted() throws Exception {
        String head = "algorithm = \"sha256\"\nversion = \"0.1.0\"\n\n[data]\n\"a\" = '''\n";
        String tail = "'''\n";
        int room = (1 << 20) - (head + tail).getBytes(UTF_8).length;
        java.util.Random random = new java.util.Random(1);
        StringBuilder body = new StringBuilder();
        for (int i = 0; i < room; i++) {
            body.append((char) ('!' + 7 + random.nextInt(80)));
        }
        worker.create(Worker.request("a1", Map.of(Annotations.INITDATA, head + body + tail)));
        worker.start("a1");
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void getInfoOfNoPodIsNotFoundAndAWaitThatEndsHarmsNobody() throws Exception {
        assertThat(Worker.failure(refused(() -> worker.info("", false, Duration.ofSeconds(5)))))
                .startsWith("NOT_FOUND");
        worker.create(Worker.request("a1"));
        assertThat(Worker.failure(refused(() -> worker.info("pod-a1", false, Duration.ofSeconds(5)))))
                .as("created, but without a VM")
                .startsWith("NOT_FOUND");
        for (int i = 0; i < 20; i++) {
            refused(() -> worker.info("pod-a1", true, Duration.ofMillis(5)));
        }
        worker.start("a1");
        assertThat(worker.info("pod-a1", true, Duration.ofSeconds(5))).isEqualTo("vm-1");
        worker.stop("a1");
        nothingIsLeft();
        assertThat(Worker.failure(refused(() -> worker.info("pod-a1", false, Duration.ofSeconds(5)))))
                .startsWith("NOT_FOUND");
    }

    @Test
    void aClosedChannelEndsTheCallOfItsCallerOnly() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.silent = true;
        TtrpcChannel leaving = TtrpcChannel.connect(worker.socket());
        CompletableFuture<Void> staying = worker.startLater("a1");
        await().until(() -> worker.relay.opens.get() == 1);
        var gone = HypervisorGrpc.newFutureStub(leaving)
                .startVM(io.peerpod.contract.hypervisor.StartVMRequest.newBuilder()
                        .setId("a1")
                        .build());
        leaving.close();
        assertThatThrownBy(gone::get).hasMessageContaining("UNAVAILABLE");
        worker.relay.answer();
        staying.get();
        assertThat(worker.cloud.creates).hasValue(1);
    }
}
