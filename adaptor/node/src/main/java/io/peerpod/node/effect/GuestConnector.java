// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.network.TunnelPlan;
import io.peerpod.node.identity.Identities;
import io.peerpod.node.identity.Identity;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.EffectRunner.Report;
import io.peerpod.node.plan.PodNetworks;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.PodVm;
import io.peerpod.relay.DialStep;
import io.peerpod.relay.RelayControl;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionSpec;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.Trouble;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to a guest: tunnel and agent session at once, while the cloud is asked now and then whether the VM still is. The first
 * thing that fails ends the others.
 */
final class GuestConnector {
    private static final Logger log = LoggerFactory.getLogger(GuestConnector.class);

    private final RelayControl relay;
    private final PodNetworks networks;
    private final Identities identities;
    private final CloudCalls cloud;
    private volatile EffectLimits limits;
    private final int forwarderPort;

    GuestConnector(
            RelayControl relay,
            PodNetworks networks,
            Identities identities,
            CloudCalls cloud,
            EffectLimits limits,
            int forwarderPort) {
        this.relay = relay;
        this.networks = networks;
        this.identities = identities;
        this.cloud = cloud;
        this.limits = limits;
        this.forwarderPort = forwarderPort;
    }

    void change(EffectLimits newLimits) {
        limits = newLimits;
    }

    /** What one of the parallel steps came to. */
    private record Step(String name, Optional<Trouble> trouble) {}

    SandboxEvent connect(Sandbox sandbox, PodVm vm, Report report) throws InterruptedException {
        ExecutorService threads = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("connect-" + sandbox.id() + "-", 0).factory());
        try {
            CompletionService<Step> steps = new ExecutorCompletionService<>(threads);
            submit(steps, () -> openSession(sandbox, vm, report));
            submit(steps, () -> setTunnelUp(sandbox, vm, report));
            submit(steps, () -> watchVm(sandbox, vm, report));
            for (int done = 0; done < 2; done++) {
                Step step = steps.take().get();
                if (step.trouble().isPresent()) {
                    return new SandboxEvent.ConnectFailed(step.trouble().get());
                }
            }
            return new SandboxEvent.GuestReady();
        } catch (ExecutionException e) {
            log.atError().addKeyValue("sandbox", sandbox.id()).setCause(e).log("connecting broke down");
            return new SandboxEvent.ConnectFailed(
                    new Trouble(about(sandbox, vm) + " was not connected: " + e.getCause(), Actor.US));
        } finally {
            threads.shutdownNow();
            // Not a second longer than their own steps: each ends on interrupt.
            threads.close();
        }
    }

    private static void submit(CompletionService<Step> steps, Callable<Step> step) {
        var _ = steps.submit(step);
    }

    private Step openSession(Sandbox sandbox, PodVm vm, Report report) throws InterruptedException {
        long start = System.nanoTime();
        try {
            SandboxPlan plan = SandboxPlan.of(sandbox);
            Identity identity = identities.find(plan.tlsIdentity());
            Path folder = plan.agentSocket().getParent();
            if (folder != null) {
                Files.createDirectories(
                        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            SessionSpec spec = new SessionSpec(
                    sandbox.id(),
                    plan.agentSocket(),
                    vm.addresses(),
                    forwarderPort,
                    identity.files(),
                    identities.serverName(plan.tlsIdentity(), sandbox.token().instanceName()));
            report.note(Note.of(Stage.DIAL_BEGUN, words(vm) + " port " + forwarderPort));
            Instant asked = Instant.now();
            relay.open(spec, limits.connectBudget(), step -> {
                // A session that a predecessor had opened tells of older steps, which are noted already.
                if (!step.at().isBefore(asked)) {
                    report.note(noteOf(step));
                }
            });
            took(sandbox, start, "the agent answered");
            return new Step("agent", Optional.empty());
        } catch (RelayException e) {
            Step step = failed("agent", about(sandbox, vm) + " was not reached: " + e.getMessage(), actor(e.failure()));
            report.note(Note.failed(
                    Stage.AGENT_ANSWERED,
                    words(vm) + " port " + forwarderPort,
                    Note.Failure.of(e.failure().name(), step.trouble().orElseThrow())));
            return step;
        } catch (IOException | IllegalArgumentException e) {
            return failed("agent", about(sandbox, vm) + " cannot be dialled: " + e.getMessage(), Actor.OPERATOR);
        }
    }

    private static Note noteOf(DialStep step) {
        Stage stage = switch (step.kind()) {
            case FIRST_DIAL -> Stage.FIRST_DIAL;
            case PORT_OPEN -> Stage.PORT_OPEN;
            case TLS_DONE -> Stage.TLS_DONE;
            case AGENT_ANSWERED -> Stage.AGENT_ANSWERED;
        };
        return Note.of(stage, "").at(step.at());
    }

    private Step setTunnelUp(Sandbox sandbox, PodVm vm, Report report) {
        long start = System.nanoTime();
        SandboxPlan plan = SandboxPlan.of(sandbox);
        try {
            report.note(Note.of(Stage.TUNNEL_BEGUN, ""));
            networks.setUp(new TunnelPlan(plan.request().networkNamespace(), plan.network(), vm.addresses()));
            report.note(Note.of(
                    Stage.TUNNEL_UP, "VNI " + plan.network().vxlanId(), Duration.ofNanos(System.nanoTime() - start)));
            took(sandbox, start, "the tunnel is up");
            return new Step("tunnel", Optional.empty());
        } catch (IOException e) {
            Step step = failed(
                    "tunnel",
                    "the tunnel to " + about(sandbox, vm) + " was not set up: " + e.getMessage(),
                    Actor.OPERATOR);
            report.note(Note.failed(
                    Stage.TUNNEL_UP,
                    "VNI " + plan.network().vxlanId(),
                    Note.Failure.of("tunnel", step.trouble().orElseThrow())));
            return step;
        }
    }

    /** Ends only with bad news: a VM that failed, or that somebody deleted. */
    private Step watchVm(Sandbox sandbox, PodVm vm, Report report) throws InterruptedException {
        while (true) {
            Thread.sleep(limits.vmCheckInterval());
            try {
                Optional<PodVm> seen = cloud.find(sandbox.token());
                if (seen.isEmpty()) {
                    report.note(Note.of(Stage.VM_CHECKED, "absent"));
                    return failed(
                            "vm",
                            about(sandbox, vm) + " is not in the cloud any more: it was deleted by somebody"
                                    + " while it was booting; the pod can be started again",
                            Actor.OPERATOR);
                }
                if (seen.get().state() == PodVm.State.FAILED) {
                    String why = seen.get()
                            .failure()
                            .map(failure -> failure.message())
                            .orElse("the cloud gives no reason");
                    report.note(Note.of(Stage.VM_CHECKED, "failed: " + why));
                    return failed(
                            "vm",
                            about(sandbox, vm) + " failed while it was booting: " + why,
                            seen.get().failure().map(failure -> failure.actor()).orElse(Actor.CLOUD));
                }
            } catch (CloudException e) {
                report.note(Note.failed(Stage.VM_CHECKED, vm.id(), Note.Failure.of(e.failure())));
                log.atDebug()
                        .addKeyValue("sandbox", sandbox.id())
                        .addKeyValue("failure", e.getMessage())
                        .log("the cloud could not be asked about a booting VM");
            }
        }
    }

    private static Step failed(String name, String message, Actor actor) {
        return new Step(name, Optional.of(new Trouble(message, actor)));
    }

    private static void took(Sandbox sandbox, long start, String message) {
        log.atInfo()
                .addKeyValue("sandbox", sandbox.id())
                .addKeyValue("took", Duration.ofNanos(System.nanoTime() - start))
                .log(message);
    }

    private static Actor actor(RelayException.Failure failure) {
        return switch (failure) {
            case UNREACHABLE, TLS, AGENT, BAD_SPEC -> Actor.OPERATOR;
            case CONFLICT, CLOSED, RELAY_GONE, INTERNAL -> Actor.US;
        };
    }

    private static String words(PodVm vm) {
        return vm.addresses().stream().map(InetAddress::getHostAddress).collect(Collectors.joining(", "));
    }

    private static String about(Sandbox sandbox, PodVm vm) {
        return "pod VM " + sandbox.token().instanceName() + " (" + vm.id() + ") of pod " + sandbox.pod();
    }
}
