// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerpod.contract.hypervisor.HypervisorGrpc;
import io.peerpod.contract.hypervisor.StartVMRequest;
import io.peerpod.contract.hypervisor.StopVMRequest;
import io.peerpod.provider.CloudFailure;
import io.peerpod.ttrpc.TtrpcChannel;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A daemon that was killed, and the next one over the same state folder. */
@Timeout(120)
class ResumeIT extends WorkerFixture {
    @Test
    void whatWasOnlyCreatedIsStoppedByTheNextDaemonWithoutACloudCallToMakeIt() throws Exception {
        worker.create(Worker.request("a1"));
        worker.kill();
        worker.start();
        worker.stop("a1");
        nothingIsLeft();
        assertThat(worker.cloud.creates).hasValue(0);
    }

    @Test
    void aKillAfterALostAnswerMakesNoSecondVm() throws Exception {
        worker.create(Worker.request("a1"));
        worker.cloud.gate = new CountDownLatch(1);
        CompletableFuture<Void> start = worker.startLater("a1");
        await().until(() -> worker.cloud.vms.size() == 1);
        worker.kill();
        assertThatThrownBy(start::get).isNotNull();
        worker.cloud.gate = null;
        worker.start();
        worker.start("a1");
        assertThat(worker.cloud.made).hasValue(1);
        worker.stop("a1");
        nothingIsLeft();
    }

    @Test
    void aVmThatLandsAfterItsDaemonWasKilledAndItsSandboxStoppedIsDeleted() throws Exception {
        worker.create(Worker.request("a1"));
        worker.cloud.landLate = true;
        CompletableFuture<Void> start = worker.startLater("a1");
        await().until(() -> worker.cloud.creates.get() == 1);
        worker.stop("a1");
        worker.kill();
        assertThatThrownBy(start::get).isNotNull();
        worker.start();
        nothingIsLeft();
        assertThat(worker.cloud.made.get()).isLessThanOrEqualTo(1);
    }

    @Test
    void aDeletionThatTakesManyRoundsOutlivesManyDaemons() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        worker.cloud.slowDeletes = 1000;
        worker.stop("a1");
        for (int i = 0; i < 3; i++) {
            int before = worker.cloud.deletes.get();
            await().until(() -> worker.cloud.deletes.get() > before);
            worker.kill();
            worker.cloud.deleteFailures.add(new CloudFailure.Unreachable("no route"));
            worker.start();
            worker.stop("a1");
            assertThat(worker.cloud.vms).hasSize(1);
        }
        worker.cloud.slowDeletes = 0;
        nothingIsLeft();
        assertThat(worker.cloud.creates).hasValue(1);
    }

    @Test
    void theSameCreateVmAfterARestartGetsTheSameAnswer() throws Exception {
        String before = worker.create(Worker.request("a1"));
        worker.kill();
        worker.start();
        assertThat(worker.create(Worker.request("a1"))).isEqualTo(before);
        assertThat(worker.networks.reserved).hasSize(1);
    }

    @Test
    void aRestartedDaemonContinuesEverythingWhereItStood() throws Exception {
        for (String id : List.of("prepared", "running", "dialling", "creating", "stopping")) {
            worker.create(Worker.request(id));
        }
        worker.start("running");
        worker.start("stopping");
        worker.relay.silent = true;
        CompletableFuture<Void> dialling = worker.startLater("dialling");
        await().until(() -> worker.relay.opens.get() == 3);
        worker.cloud.gate = new CountDownLatch(1);
        CompletableFuture<Void> creating = worker.startLater("creating");
        await().until(() -> worker.cloud.creates.get() == 4);
        worker.cloud.slowDeletes = 1000;
        worker.stop("stopping");
        worker.kill();
        assertThatThrownBy(dialling::get).isNotNull();
        assertThatThrownBy(creating::get).isNotNull();
        worker.cloud.gate = null;
        worker.cloud.slowDeletes = 0;
        worker.relay.answer();
        worker.start();
        worker.start("prepared");
        worker.start("running");
        worker.start("dialling");
        worker.start("creating");
        assertThat(worker.cloud.made).as("one VM each").hasValue(5);
        await().until(() -> worker.cloud.vms.size() == 4);
        for (String id : List.of("prepared", "running", "dialling", "creating", "stopping")) {
            worker.stop(id);
        }
        nothingIsLeft();
    }

    @Test
    void aStopThatMetACreateIsFinishedAfterARestart() throws Exception {
        worker.create(Worker.request("a1"));
        worker.cloud.gate = new CountDownLatch(1);
        CompletableFuture<Void> start = worker.startLater("a1");
        await().until(() -> worker.cloud.creates.get() == 1);
        worker.stop("a1");
        worker.kill();
        assertThatThrownBy(start::get).isNotNull();
        worker.cloud.gate = null;
        worker.start();
        nothingIsLeft();
    }

    @Test
    void aGuestThatDiedWhileNoDaemonLookedIsNoticedAtTheNextStart() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        worker.kill();
        worker.relay.lose("a1", "connection reset");
        worker.start();
        nothingIsLeft();
    }

    @Test
    void identitiesSurviveARestart() throws Exception {
        String before = Worker.files(worker.state().resolve("tls"));
        worker.close();
        worker.start();
        assertThat(Worker.files(worker.state().resolve("tls")))
                .isEqualTo(before)
                .contains("client.key");
    }

    @Test
    void aNewerDaemonTakesOverAndNoCallMeetsAMissingSocket() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        try (Worker newer = worker.successor()) {
            CompletableFuture<Void> started = CompletableFuture.runAsync(() -> {
                try {
                    newer.start();
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            while (!started.isDone()) {
                newer.start("a1");
            }
            started.get();
            worker.close();
            assertThat(worker.socket()).exists();
            newer.stop("a1");
            nothingIsLeft();
        }
    }

    @Test
    void aStartThatWaitsInAReplacedDaemonIsAnsweredByTheNewerOne() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        worker.cloud.gate = gate;
        worker.create(Worker.request("a1"));
        try (TtrpcChannel kept = TtrpcChannel.connect(worker.socket());
                Worker newer = worker.successor()) {
            CompletableFuture<Void> waiting = worker.startLater("a1");
            while (worker.cloud.creates.get() == 0) {
                Thread.sleep(1);
            }
            newer.start();
            assertThat(waiting).isNotDone();
            gate.countDown();
            waiting.get(30, TimeUnit.SECONDS);
            assertThat(newer.relay.list()).hasSize(1);
            assertThat(newer.cloud.made).hasValue(1);
            // Also what still comes to the older one, on a connection that was open before.
            HypervisorGrpc.HypervisorBlockingStub stub = HypervisorGrpc.newBlockingStub(kept);
            stub.startVM(StartVMRequest.newBuilder().setId("a1").build());
            stub.stopVM(StopVMRequest.newBuilder().setId("a1").build());
            worker.close();
            nothingIsLeft();
        }
    }

    @Test
    void aStartThatFailsInTheNewerDaemonFailsWithItsWords() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        worker.cloud.gate = gate;
        worker.create(Worker.request("a1"));
        try (Worker newer = worker.successor()) {
            CompletableFuture<Void> waiting = worker.startLater("a1");
            while (worker.cloud.creates.get() == 0) {
                Thread.sleep(1);
            }
            worker.cloud.createFailures.add(
                    new CloudFailure.Rejected("the key was revoked", CloudFailure.Actor.OPERATOR));
            newer.start();
            gate.countDown();
            assertThatThrownBy(() -> waiting.get(60, TimeUnit.SECONDS)).hasMessageContaining("the key was revoked");
            nothingIsLeft();
        }
    }

    @Test
    void aHundredSandboxesAreTakenUpByTheNextDaemon() throws Exception {
        for (int i = 0; i < 100; i++) {
            worker.create(Worker.request("s" + i));
            worker.start("s" + i);
        }
        worker.kill();
        long began = System.nanoTime();
        worker.start();
        long ready = System.nanoTime();
        for (int i = 0; i < 100; i++) {
            worker.start("s" + i);
        }
        System.out.println("a hundred sandboxes: daemon ready after " + (ready - began) / 1_000_000
                + " ms, StartVM of each answered after " + (System.nanoTime() - began) / 1_000_000 + " ms");
        assertThat(worker.cloud.made).hasValue(100);
        for (int i = 0; i < 100; i++) {
            worker.stop("s" + i);
        }
        nothingIsLeft();
    }
}
