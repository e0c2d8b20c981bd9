// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.node.journal.JournalEntry;
import io.peerpod.node.journal.Note;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.StopCause;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One line of a timeline.
 *
 * @param name of the fact or stage
 * @param fact whether it is durable and something rests on it
 * @param took how long the step took, where that is known
 */
record Step(Instant at, String name, boolean fact, Optional<Duration> took, String words, boolean failed) {

    static Step of(JournalEntry entry) {
        SandboxFact fact = entry.fact();
        String name = dashed(fact.getClass().getSimpleName());
        boolean failed = fact instanceof SandboxFact.CreateCallFailed
                || (fact instanceof SandboxFact.StopIntended(var cause) && !(cause instanceof StopCause.Requested));
        return new Step(entry.recordedAt(), name, true, Optional.empty(), words(fact), failed);
    }

    static Step of(Instant at, Note note) {
        String name = note.stage().name().toLowerCase(Locale.ROOT).replace('_', '-');
        String detail = note.detail().isEmpty() ? "" : ": " + note.detail();
        return note.failure()
                .map(why -> new Step(
                        at, name, false, note.took(), "FAILED, " + why.kind() + detail + ": " + why.message(), true))
                .orElseGet(() ->
                        new Step(at, name, false, note.took(), note.stage().words() + detail, false));
    }

    private static String words(SandboxFact fact) {
        return switch (fact) {
            case SandboxFact.Prepared(var sandbox) -> prepared(sandbox);
            case SandboxFact.LaunchIntended _ -> "a VM is wanted; the cloud is about to be asked";
            case SandboxFact.CreateCallFailed(var failure) ->
                "the create call ended without a VM: " + FailureKind.of(failure).label();
            case SandboxFact.Launched(var vm) -> "the cloud gave the VM an address: " + vm(vm);
            case SandboxFact.Connected _ -> "the agent answered; the sandbox is ready";
            case SandboxFact.StopIntended(var cause) ->
                cause instanceof StopCause.Requested
                        ? "everything is to be undone: the shim asked for it"
                        : "everything is to be undone: "
                                + dashed(cause.getClass().getSimpleName());
            case SandboxFact.Landed(var vm) ->
                vm.map(found -> "the create that was waited for has landed: " + vm(found))
                        .orElse("the create that was waited for made no VM");
            case SandboxFact.VmDeleted _ -> "the cloud says that no VM is left";
            case SandboxFact.Cleaned _ -> "nothing is left on this worker";
            case SandboxFact.Ended _ -> "nothing is left at all";
        };
    }

    private static String prepared(Sandbox sandbox) {
        String network = "";
        if (sandbox.plan() instanceof SandboxPlan plan) {
            network = ", VNI " + plan.network().vxlanId();
        }
        return "CreateVM was accepted: pod " + sandbox.pod() + network;
    }

    private static String vm(PodVm vm) {
        return vm.id() + " "
                + vm.addresses().stream().map(InetAddress::getHostAddress).collect(Collectors.joining(", "));
    }

    private static String dashed(String name) {
        return name.replaceAll("(?<=[a-z])(?=[A-Z])", "-").toLowerCase(Locale.ROOT);
    }
}
