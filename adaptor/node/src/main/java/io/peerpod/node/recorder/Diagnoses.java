// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.node.journal.JournalEntry;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.NoteEntry;
import io.peerpod.node.journal.Stage;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.StopCause;
import io.peerpod.sandbox.Trouble;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Finds what went wrong: the cause of a stop that nobody asked for, else a trouble that is not over yet. */
final class Diagnoses {
    private final String object;
    private final List<NoteEntry> notes;

    private Diagnoses(String object, List<NoteEntry> notes) {
        this.object = object;
        this.notes = notes;
    }

    static Optional<Diagnosis> of(
            String sandboxId,
            Optional<Sandbox> sandbox,
            Optional<PodVm> vm,
            List<JournalEntry> facts,
            List<NoteEntry> notes,
            Optional<String> damage) {
        Diagnoses diagnoses = new Diagnoses(object(sandboxId, sandbox, vm), notes);
        if (damage.isPresent()) {
            return Optional.of(diagnoses.found(FailureKind.DAMAGED, damage.get(), CloudFailure.Actor.OPERATOR));
        }
        Optional<StopCause> cause = facts.stream()
                .map(JournalEntry::fact)
                .filter(SandboxFact.StopIntended.class::isInstance)
                .map(fact -> ((SandboxFact.StopIntended) fact).cause())
                .findFirst();
        Optional<Diagnosis> ofCause = cause.flatMap(diagnoses::cause);
        return ofCause.isPresent() ? ofCause : diagnoses.unfinished(facts);
    }

    private static String object(String sandboxId, Optional<Sandbox> sandbox, Optional<PodVm> vm) {
        return sandbox.map(known -> "pod " + known.pod() + ", VM "
                        + known.token().instanceName()
                        + vm.map(made -> " (" + made.id() + ")").orElse(""))
                .orElse("sandbox " + sandboxId);
    }

    private Optional<Diagnosis> cause(StopCause cause) {
        return switch (cause) {
            case StopCause.Requested _ -> Optional.empty();
            case StopCause.LaunchFailed(var failure) ->
                Optional.of(found(FailureKind.of(failure), failure.message(), failure.actor()));
            case StopCause.ConnectFailed(var trouble) -> Optional.of(found(connectKind(trouble), trouble));
            case StopCause.GuestLost(var trouble) -> Optional.of(found(lostKind(trouble), trouble));
            case StopCause.Orphaned(var trouble) -> Optional.of(found(FailureKind.SHIM_GONE, trouble));
        };
    }

    /** A trouble after which nothing has succeeded yet. */
    private Optional<Diagnosis> unfinished(List<JournalEntry> facts) {
        if (!facts.isEmpty() && facts.getLast().fact() instanceof SandboxFact.CreateCallFailed(var failure)) {
            return Optional.of(found(FailureKind.of(failure), failure.message(), failure.actor()));
        }
        // Of each stage since the last fact the latest word counts: what succeeded in the end is no trouble.
        Map<Stage, Note> latest = new EnumMap<>(Stage.class);
        for (NoteEntry entry : notes) {
            if (entry.factsBefore() == facts.size()) {
                latest.put(entry.note().stage(), entry.note());
            }
        }
        return latest.values().stream()
                .flatMap(note -> note.failure().stream())
                .reduce((_, later) -> later)
                .map(why -> found(FailureKind.named(why.kind()), why.message(), why.actor()));
    }

    private FailureKind connectKind(Trouble trouble) {
        return noted(trouble).orElseGet(() -> checked().orElse(FailureKind.INTERNAL));
    }

    private FailureKind lostKind(Trouble trouble) {
        return noted(trouble).or(this::checked).orElse(FailureKind.GUEST_LOST);
    }

    private Optional<FailureKind> noted(Trouble trouble) {
        return notes.stream()
                .flatMap(entry -> entry.note().failure().stream())
                .filter(failure -> failure.message().equals(trouble.message()))
                .map(failure -> FailureKind.named(failure.kind()))
                .reduce((_, later) -> later);
    }

    /** What the cloud said of the VM last. */
    private Optional<FailureKind> checked() {
        return notes.stream()
                .map(NoteEntry::note)
                .filter(note -> note.stage() == Stage.VM_CHECKED)
                .reduce((_, later) -> later)
                .flatMap(note -> note.detail().startsWith("absent")
                        ? Optional.of(FailureKind.VM_MISSING)
                        : note.detail().startsWith("failed")
                                ? Optional.of(FailureKind.VM_FAILED)
                                : Optional.<FailureKind>empty());
    }

    private Diagnosis found(FailureKind kind, Trouble trouble) {
        return found(kind, trouble.message(), trouble.actor());
    }

    private Diagnosis found(FailureKind kind, String seen, CloudFailure.Actor turn) {
        return new Diagnosis(kind, object, seen, turn);
    }
}
