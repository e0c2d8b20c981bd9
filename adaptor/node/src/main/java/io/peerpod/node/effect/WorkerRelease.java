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
import io.peerpod.relay.RelayControl;
import io.peerpod.relay.RelayException;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.Trouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes away what a sandbox has on this worker. A step that fails does not keep the others from being done. */
final class WorkerRelease {
    private static final Logger log = LoggerFactory.getLogger(WorkerRelease.class);

    private final RelayControl relay;
    private final PodNetworks networks;

    WorkerRelease(RelayControl relay, PodNetworks networks) {
        this.relay = relay;
        this.networks = networks;
    }

    SandboxEvent release(Sandbox sandbox, Optional<PodVm> vm, int attempt, Report report) {
        report.note(Note.of(Stage.RELEASE_BEGUN, "attempt " + attempt));
        List<String> troubles = new ArrayList<>();
        SandboxPlan plan = SandboxPlan.of(sandbox);
        try {
            relay.close(sandbox.id());
        } catch (RelayException | RuntimeException e) {
            troubles.add("the agent session was not closed: " + e.getMessage());
        }
        try {
            networks.tearDown(new TunnelPlan(
                    plan.request().networkNamespace(),
                    plan.network(),
                    vm.map(PodVm::addresses).orElse(List.of())));
        } catch (IOException | RuntimeException e) {
            troubles.add("the tunnel was not taken down: " + e.getMessage());
        }
        try {
            removeFolder(plan.agentSocket());
        } catch (IOException | RuntimeException e) {
            troubles.add("its folder was not removed: " + e.getMessage());
        }
        if (troubles.isEmpty()) {
            report.note(Note.of(Stage.RELEASE_DONE, ""));
            return new SandboxEvent.Released();
        }
        String message = "sandbox " + sandbox.id() + " of pod " + sandbox.pod() + ": " + String.join("; ", troubles);
        log.atWarn()
                .addKeyValue("sandbox", sandbox.id())
                .addKeyValue("attempt", attempt)
                .addKeyValue("failure", String.join("; ", troubles))
                .log("something of a stopped sandbox is left on this worker; it is tried again");
        Trouble trouble = new Trouble(message, Actor.US);
        report.note(Note.failed(Stage.RELEASE_DONE, "attempt " + attempt, Note.Failure.of("release", trouble)));
        return new SandboxEvent.ReleaseFailed(attempt, trouble);
    }

    /** Removes the sandbox's own folder with what lies in it; whatever somebody else put deeper is not touched. */
    private static void removeFolder(Path agentSocket) throws IOException {
        Path folder = agentSocket.getParent();
        if (folder == null || !Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> content = Files.list(folder)) {
            for (Path file : content.toList()) {
                if (!Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)) {
                    Files.deleteIfExists(file);
                }
            }
        }
        Files.deleteIfExists(folder);
    }
}
