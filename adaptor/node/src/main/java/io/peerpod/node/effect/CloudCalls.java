// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.contract.ContractException;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.EffectRunner.Report;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.node.plan.SandboxRequest;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.provider.PodVmSpec;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxEvent;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls to the cloud, bounded in number, whose every outcome is an event. */
final class CloudCalls {
    private static final Duration LANDING_CHECK_FIRST = Duration.ofMillis(200);
    private static final Duration LANDING_CHECK_LONGEST = Duration.ofSeconds(10);
    private static final Logger log = LoggerFactory.getLogger(CloudCalls.class);

    private final CloudProvider provider;
    private final Owner owner;
    private final GuestConfiguration configuration;
    private final Limit creates;
    private final Limit deletes;

    CloudCalls(CloudProvider provider, Owner owner, GuestConfiguration configuration, EffectLimits limits) {
        this.provider = provider;
        this.owner = owner;
        this.configuration = configuration;
        this.creates = new Limit(limits.cloudCreates());
        this.deletes = new Limit(limits.cloudDeletes());
    }

    void change(EffectLimits limits) {
        creates.resize(limits.cloudCreates());
        deletes.resize(limits.cloudDeletes());
    }

    SandboxEvent create(Sandbox sandbox, Report report) throws InterruptedException {
        PodVmSpec spec;
        try {
            spec = specOf(sandbox);
        } catch (ContractException | IOException e) {
            return new SandboxEvent.CreateFailed(new CloudFailure.Rejected(
                    "the user data of " + describe(sandbox.token()) + " cannot be composed: " + e.getMessage(),
                    CloudFailure.Actor.OPERATOR));
        } catch (RuntimeException e) {
            log.atError().addKeyValue("sandbox", sandbox.id()).setCause(e).log("composing user data broke down");
            return new SandboxEvent.CreateFailed(new CloudFailure.Rejected(
                    "the user data of " + describe(sandbox.token()) + " cannot be composed: " + e,
                    CloudFailure.Actor.US));
        }
        long start = System.nanoTime();
        creates.acquire();
        try {
            report.note(Note.of(Stage.CLOUD_CREATE_BEGUN, describe(sandbox.token()), since(start)));
            long called = System.nanoTime();
            PodVm vm = CallLimit.run(
                    provider.longestCall(),
                    "the create of " + describe(sandbox.token()),
                    () -> provider.create(sandbox.token(), spec));
            report.note(Note.of(Stage.CLOUD_CREATE_ANSWERED, vm.id() + " " + addresses(vm), since(called)));
            log.atInfo()
                    .addKeyValue("sandbox", sandbox.id())
                    .addKeyValue("instance", vm.id())
                    .addKeyValue("took", Duration.ofNanos(System.nanoTime() - start))
                    .log("the cloud has a pod VM");
            return vm.addresses().isEmpty()
                    ? new SandboxEvent.CreateFailed(new CloudFailure.OutcomeUnknown(
                            "the provider gave " + describe(sandbox.token()) + " no address"))
                    : new SandboxEvent.VmCreated(vm);
        } catch (CloudException e) {
            report.note(failed(Stage.CLOUD_CREATE_ANSWERED, sandbox.token(), e.failure()));
            warn(sandbox.token(), e.failure(), "the cloud made no pod VM, or did not say so");
            return new SandboxEvent.CreateFailed(e.failure());
        } catch (RuntimeException e) {
            return new SandboxEvent.CreateFailed(unexpected(sandbox.token(), "create", e));
        } finally {
            creates.release();
        }
    }

    SandboxEvent delete(LaunchToken token, int attempt, Report report) throws InterruptedException {
        deletes.acquire();
        try {
            report.note(Note.of(Stage.DELETE_ASKED, describe(token) + ", attempt " + attempt));
            CloudProvider.Deletion deletion = CallLimit.run(
                    provider.longestCall(), "the delete of " + describe(token), () -> provider.delete(token));
            return switch (deletion) {
                case ABSENT -> {
                    report.note(Note.of(Stage.DELETE_ABSENT, describe(token)));
                    yield new SandboxEvent.VmAbsent();
                }
                case UNDER_WAY -> {
                    report.note(Note.of(Stage.DELETE_ACCEPTED, describe(token)));
                    yield new SandboxEvent.DeletionUnderWay(attempt);
                }
            };
        } catch (CloudException e) {
            report.note(failed(Stage.DELETE_ASKED, token, e.failure()));
            warn(token, e.failure(), "the pod VM could not be deleted yet");
            return new SandboxEvent.DeleteFailed(attempt, e.failure());
        } catch (RuntimeException e) {
            return new SandboxEvent.DeleteFailed(attempt, unexpected(token, "delete", e));
        } finally {
            deletes.release();
        }
    }

    /** Asks until the VM appears or can no longer. A cloud that does not answer leaves the question open. */
    SandboxEvent awaitLanding(LaunchToken token, Report report) throws InterruptedException {
        report.note(Note.of(
                Stage.LANDING_AWAITED,
                describe(token) + ", for up to " + provider.landingWindow().toSeconds() + " s"));
        long deadline = System.nanoTime() + provider.landingWindow().toNanos();
        Duration pause = LANDING_CHECK_FIRST;
        while (true) {
            boolean last = System.nanoTime() >= deadline;
            try {
                Optional<PodVm> found = find(token);
                if (found.isPresent()) {
                    report.note(Note.of(Stage.LANDING_ASKED, found.get().id() + " has landed"));
                    return new SandboxEvent.VmFound(found.get());
                }
                if (last) {
                    report.note(Note.of(Stage.LANDING_ASKED, "nothing landed"));
                    return new SandboxEvent.NothingLanded();
                }
            } catch (CloudException e) {
                report.note(failed(Stage.LANDING_ASKED, token, e.failure()));
                warn(token, e.failure(), "whether a pod VM landed is not known yet");
            }
            Thread.sleep(pause);
            pause = pause.multipliedBy(2).compareTo(LANDING_CHECK_LONGEST) < 0
                    ? pause.multipliedBy(2)
                    : LANDING_CHECK_LONGEST;
        }
    }

    Optional<PodVm> find(LaunchToken token) throws CloudException, InterruptedException {
        deletes.acquire();
        try {
            return CallLimit.run(
                    provider.longestCall(), "the search for " + describe(token), () -> provider.find(token));
        } catch (RuntimeException e) {
            throw new CloudException(unexpected(token, "find", e), e);
        } finally {
            deletes.release();
        }
    }

    private PodVmSpec specOf(Sandbox sandbox) throws ContractException, IOException, InterruptedException {
        SandboxPlan plan = SandboxPlan.of(sandbox);
        SandboxRequest request = plan.request();
        return new PodVmSpec(
                owner,
                sandbox.pod().namespace(),
                sandbox.pod().name(),
                Instant.now(),
                configuration.userData(sandbox),
                request.instanceType(),
                request.image(),
                request.vcpus(),
                request.memoryMib(),
                request.gpus(),
                Map.of());
    }

    /** Whatever a provider throws against its contract may have happened after the request was sent. */
    private static CloudFailure unexpected(LaunchToken token, String call, RuntimeException e) {
        log.atError()
                .addKeyValue("sandbox", token.sandboxId())
                .addKeyValue("instance", token.instanceName())
                .setCause(e)
                .log("a provider broke its contract");
        return new CloudFailure.OutcomeUnknown("the provider's " + call + " of " + describe(token) + " ended in " + e);
    }

    private static Note failed(Stage stage, LaunchToken token, CloudFailure failure) {
        return Note.failed(stage, describe(token), Note.Failure.of(failure));
    }

    private static Duration since(long start) {
        return Duration.ofNanos(System.nanoTime() - start);
    }

    private static String addresses(PodVm vm) {
        return vm.addresses().stream().map(InetAddress::getHostAddress).collect(Collectors.joining(", "));
    }

    private static void warn(LaunchToken token, CloudFailure failure, String message) {
        log.atWarn()
                .addKeyValue("sandbox", token.sandboxId())
                .addKeyValue("instance", token.instanceName())
                .addKeyValue("failure", failure.getClass().getSimpleName() + ": " + failure.message())
                .log(message);
    }

    private static String describe(LaunchToken token) {
        return "pod VM " + token.instanceName();
    }
}
