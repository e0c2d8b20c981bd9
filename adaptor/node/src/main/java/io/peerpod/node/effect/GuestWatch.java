// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.EffectRunner.Report;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.PodVm;
import io.peerpod.relay.RelayControl;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionStatus;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.Trouble;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** Notices that a running pod's guest is gone. The relay has closed the shim's connection by then. */
final class GuestWatch {
    private static final Duration RELAY_RETRY = Duration.ofMillis(500);
    private static final Logger log = LoggerFactory.getLogger(GuestWatch.class);

    private final RelayControl relay;

    GuestWatch(RelayControl relay) {
        this.relay = relay;
    }

    SandboxEvent watch(Sandbox sandbox, PodVm vm, Report report) throws InterruptedException {
        report.note(Note.of(Stage.GUEST_WATCHED, vm.id()));
        while (true) {
            try {
                SessionStatus end = relay.awaitEnd(sandbox.id());
                String seen = end.state() == SessionStatus.State.LOST
                        ? end.reason().orElse("its connection ended")
                        : "the relay no longer holds its session, so the relay process ended in between";
                String message = "the guest of pod " + sandbox.pod() + " (" + vm.id() + ") is lost: " + seen
                        + ". The pod ends; its VM is being deleted";
                // A shim that destroyed its sandbox is about to stop the VM: nothing is wrong.
                log.atLevel(end.destroyed() ? Level.INFO : Level.WARN)
                        .addKeyValue("sandbox", sandbox.id())
                        .addKeyValue("instance", vm.id())
                        .addKeyValue("failure", seen)
                        .log(end.destroyed() ? "a sandbox was destroyed by its shim" : "a running pod lost its guest");
                return new SandboxEvent.GuestLost(new Trouble(message, Actor.CLOUD));
            } catch (RelayException | RuntimeException e) {
                log.atWarn()
                        .addKeyValue("sandbox", sandbox.id())
                        .addKeyValue("failure", e.getMessage())
                        .log("the relay cannot be asked; it is asked again");
                Thread.sleep(RELAY_RETRY);
            }
        }
    }
}
