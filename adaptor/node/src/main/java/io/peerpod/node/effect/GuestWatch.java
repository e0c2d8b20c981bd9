// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.EffectRunner.Report;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.PodVm;
import io.peerpod.relay.RelayControl;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionStatus;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.Trouble;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Notices that a running pod's guest is gone, and says which part of it. The relay has closed the shim's connection by then. */
final class GuestWatch {
    private static final Duration RELAY_RETRY = Duration.ofMillis(500);

    /** How long the pod's end may wait for the cloud's word on its VM. */
    private static final Duration CLOUD_PATIENCE = Duration.ofSeconds(3);

    /** While the relay dials a guest again, the cloud is asked this often whether there is a VM to dial. */
    private static final Duration VM_CHECK_INTERVAL = Duration.ofSeconds(1);

    private static final Logger log = LoggerFactory.getLogger(GuestWatch.class);

    private final RelayControl relay;
    private final CloudCalls cloud;
    private final TunnelWatch tunnels;

    GuestWatch(RelayControl relay, CloudCalls cloud, TunnelWatch tunnels) {
        this.relay = relay;
        this.cloud = cloud;
        this.tunnels = tunnels;
    }

    SandboxEvent watch(Sandbox sandbox, PodVm vm, Report report) throws InterruptedException {
        report.note(Note.of(Stage.GUEST_WATCHED, vm.id()));
        Thread tunnel = Thread.ofVirtual().name("tunnel-watch-" + sandbox.id()).start(() -> {
            try {
                tunnels.watch(sandbox, vm, report);
            } catch (InterruptedException e) {
                log.atTrace().addKeyValue("sandbox", sandbox.id()).log("the tunnel is no longer watched");
            }
        });
        try {
            return awaitEnd(sandbox, vm, report);
        } finally {
            tunnel.interrupt();
        }
    }

    private SandboxEvent awaitEnd(Sandbox sandbox, PodVm vm, Report report) throws InterruptedException {
        while (true) {
            try {
                SessionStatus status = trouble(sandbox.id());
                if (status.ended() || vmIsGone(sandbox)) {
                    return lost(sandbox, vm, status, report);
                }
                Thread.sleep(VM_CHECK_INTERVAL);
            } catch (RelayException | RuntimeException e) {
                log.atWarn()
                        .addKeyValue("sandbox", sandbox.id())
                        .addKeyValue("failure", e.getMessage())
                        .log("the relay cannot be asked; it is asked again");
                Thread.sleep(RELAY_RETRY);
            }
        }
    }

    private SandboxEvent lost(Sandbox sandbox, PodVm vm, SessionStatus end, Report report) throws InterruptedException {
        String seen = end.state() != SessionStatus.State.CLOSED
                ? end.reason().orElse("its connection ended")
                : "the relay no longer holds its session, so the relay process ended in between";
        String head = "the guest of pod " + sandbox.pod() + " (" + vm.id() + ") is lost: " + seen;
        String tail = ". The pod ends; its VM is being deleted";
        if (end.destroyed()) {
            // A shim that destroyed its sandbox is about to stop the VM: nothing is wrong.
            log.atInfo()
                    .addKeyValue("sandbox", sandbox.id())
                    .addKeyValue("instance", vm.id())
                    .log("a sandbox was destroyed by its shim");
            return new SandboxEvent.GuestLost(new Trouble(head + tail, Actor.CLOUD));
        }
        Verdict verdict = verdict(sandbox, report);
        Trouble trouble = new Trouble(head + verdict.words() + tail, verdict.actor());
        report.note(Note.failed(Stage.GUEST_WATCHED, vm.id(), Note.Failure.of(verdict.kind(), trouble)));
        log.atWarn()
                .addKeyValue("sandbox", sandbox.id())
                .addKeyValue("instance", vm.id())
                .addKeyValue("failure", seen + verdict.words())
                .log("a running pod lost its guest");
        return new SandboxEvent.GuestLost(trouble);
    }

    /** The session's end, or that it has no connection at present; a relay of an older release tells its end only. */
    private SessionStatus trouble(String sandboxId) throws RelayException, InterruptedException {
        try {
            return relay.awaitTrouble(sandboxId);
        } catch (RelayException e) {
            if (e.failure() != RelayException.Failure.INTERNAL) {
                throw e;
            }
            return relay.awaitEnd(sandboxId);
        }
    }

    /** Whether the cloud says that there is no VM to be reached any more. */
    private boolean vmIsGone(Sandbox sandbox) throws InterruptedException {
        try {
            return cloud.find(sandbox.token())
                    .map(seen -> seen.state() == PodVm.State.FAILED || seen.state() == PodVm.State.DELETING)
                    .orElse(true);
        } catch (CloudException e) {
            log.atWarn()
                    .addKeyValue("sandbox", sandbox.id())
                    .addKeyValue("failure", e.failure().message())
                    .log("the cloud does not say whether a pod's VM is still there; it is asked again");
            return false;
        }
    }

    private record Verdict(String kind, String words, Actor actor) {}

    /** What the cloud says of the VM, if it says it soon. */
    private Verdict verdict(Sandbox sandbox, Report report) throws InterruptedException {
        FutureTask<Optional<PodVm>> asked = new FutureTask<>(() -> cloud.find(sandbox.token()));
        Thread asking = Thread.ofVirtual().name("lost-vm-" + sandbox.id()).start(asked);
        try {
            Optional<PodVm> found = asked.get(CLOUD_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            String state = found.map(seen -> seen.state().name().toLowerCase(Locale.ROOT))
                    .orElse("absent");
            report.note(Note.of(Stage.VM_CHECKED, state));
            return switch (found.map(PodVm::state).orElse(PodVm.State.DELETING)) {
                case DELETING ->
                    new Verdict(
                            "vm-missing",
                            "; the cloud has its VM no more, or is deleting it, and it was not us who asked for that",
                            Actor.OPERATOR);
                case FAILED ->
                    new Verdict(
                            "vm-failed",
                            "; the cloud shows its VM as failed: "
                                    + found.flatMap(PodVm::failure)
                                            .map(CloudFailure::message)
                                            .orElse("it gives no reason"),
                            found.flatMap(PodVm::failure)
                                    .map(CloudFailure::actor)
                                    .orElse(Actor.CLOUD));
                case CREATING, RUNNING -> new Verdict("guest-lost", "; the cloud shows its VM as running", Actor.USER);
            };
        } catch (ExecutionException | TimeoutException e) {
            asking.interrupt();
            report.note(Note.of(Stage.VM_CHECKED, "no answer"));
            return new Verdict("guest-lost", "; the cloud did not say in time what became of its VM", Actor.OPERATOR);
        }
    }
}
