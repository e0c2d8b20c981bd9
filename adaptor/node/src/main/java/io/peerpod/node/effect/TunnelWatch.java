// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.network.TunnelPlan;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.EffectRunner.Report;
import io.peerpod.node.plan.PodNetworks;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.Trouble;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks whether packets pass the tunnel of a pod that is ready: a closed UDP port leaves a pod that runs and reaches nobody. It says so
 * and ends nothing, since a guest may have its reasons not to answer.
 */
final class TunnelWatch {
    /** Questions in a row that stay unanswered before the tunnel is called blocked. */
    private static final int QUESTIONS = 5;

    private static final Duration ANSWER_PATIENCE = Duration.ofSeconds(1);
    private static final Duration LATER = Duration.ofMinutes(1);
    private static final Logger log = LoggerFactory.getLogger(TunnelWatch.class);

    private final PodNetworks networks;

    TunnelWatch(PodNetworks networks) {
        this.networks = networks;
    }

    /** Asks until there is an answer; ends on interrupt. */
    void watch(Sandbox sandbox, PodVm vm, Report report) throws InterruptedException {
        SandboxPlan plan = SandboxPlan.of(sandbox);
        TunnelPlan tunnel = new TunnelPlan(plan.request().networkNamespace(), plan.network(), vm.addresses());
        boolean told = false;
        try {
            while (true) {
                long start = System.nanoTime();
                for (int question = 0; question < QUESTIONS; question++) {
                    Optional<Boolean> answered = networks.isAnswering(tunnel, ANSWER_PATIENCE);
                    if (answered.isEmpty()) {
                        return;
                    }
                    if (answered.get()) {
                        report.note(Note.of(
                                Stage.TUNNEL_ANSWERED,
                                "VNI " + plan.network().vxlanId(),
                                Duration.ofNanos(System.nanoTime() - start)));
                        return;
                    }
                }
                blocked(sandbox, vm, plan, report, told);
                told = true;
                Thread.sleep(LATER);
            }
        } catch (IOException e) {
            log.atDebug()
                    .addKeyValue("sandbox", sandbox.id())
                    .addKeyValue("failure", e.getMessage())
                    .log("whether the tunnel lets packets pass is not known");
        }
    }

    private static void blocked(Sandbox sandbox, PodVm vm, SandboxPlan plan, Report report, boolean told) {
        String message = "the guest of pod " + sandbox.pod() + " (" + vm.id() + ") did not answer " + QUESTIONS
                + " address requests through its tunnel (VNI " + plan.network().vxlanId() + ", UDP port "
                + plan.network().vxlanPort() + "), while its agent answers over TCP: the pod runs and has no network";
        report.note(Note.failed(
                Stage.TUNNEL_ANSWERED,
                "VNI " + plan.network().vxlanId(),
                Note.Failure.of("tunnel-blocked", new Trouble(message, Actor.OPERATOR))));
        if (!told) {
            log.atWarn()
                    .addKeyValue("sandbox", sandbox.id())
                    .addKeyValue("instance", vm.id())
                    .addKeyValue("failure", message)
                    .log("no packet comes back through a pod's tunnel");
        }
    }
}
