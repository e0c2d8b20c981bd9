// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.node.journal.JournalEntry;
import io.peerpod.node.journal.JournalReader.Recording;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.NoteEntry;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.IllegalTransitionException;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.SandboxLifecycle;
import io.peerpod.sandbox.SandboxState;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What is known of one sandbox.
 *
 * @param sandbox empty when its journal is damaged from the beginning
 * @param vm as the cloud last showed it
 * @param since when it came into that state
 * @param steps facts and stages, in the order of their happening
 * @param spans where the time went
 * @param failure what went wrong last and was not made good
 * @param damage why the journal cannot be read to its end
 */
record Story(
        String sandboxId,
        Optional<Sandbox> sandbox,
        Optional<PodVm> vm,
        SandboxState state,
        Instant since,
        Optional<Instant> endedAt,
        List<Step> steps,
        List<Span> spans,
        Optional<Diagnosis> failure,
        Optional<String> damage) {

    /**
     * Tells what a journal says.
     *
     * @param now ends what is still going on
     */
    static Story of(Recording recording, Instant now) {
        List<JournalEntry> facts = new ArrayList<>();
        SandboxState state = new SandboxState.Absent();
        Optional<PodVm> vm = Optional.empty();
        Optional<Sandbox> sandbox = Optional.empty();
        Optional<String> damage = recording.damage();
        Instant since = recording.endedAt().orElse(now);
        for (JournalEntry entry : recording.facts()) {
            try {
                SandboxState next = SandboxLifecycle.evolve(state, entry.fact());
                since = next.getClass().equals(state.getClass()) ? since : entry.recordedAt();
                state = next;
            } catch (IllegalTransitionException e) {
                damage = Optional.of("it contradicts itself: " + e.getMessage());
                break;
            }
            facts.add(entry);
            switch (entry.fact()) {
                case SandboxFact.Prepared(var prepared) -> sandbox = Optional.of(prepared);
                case SandboxFact.Launched(var launched) -> vm = Optional.of(launched);
                case SandboxFact.Landed(var landed) -> vm = landed;
                case SandboxFact.LaunchIntended _,
                        SandboxFact.CreateCallFailed _,
                        SandboxFact.Connected _,
                        SandboxFact.StopIntended _ -> {}
                case SandboxFact.VmDeleted _, SandboxFact.Cleaned _, SandboxFact.Ended _ -> {}
            }
        }
        List<Span> spans =
                Spans.of(facts, recording.notes(), recording.endedAt().orElse(now));
        Optional<Diagnosis> failure =
                Diagnoses.of(recording.sandboxId(), sandbox, vm, facts, recording.notes(), damage);
        return new Story(
                recording.sandboxId(),
                sandbox,
                vm,
                state,
                since,
                recording.endedAt(),
                steps(facts, recording.notes()),
                spans,
                failure,
                damage);
    }

    /** The state in a word; a damaged journal has none. */
    String stateWord() {
        return damage.isPresent() ? "damaged" : Words.state(state);
    }

    /** {@code namespace/name}, or a dash. */
    String pod() {
        return sandbox.map(known -> known.pod().toString()).orElse("-");
    }

    /** When it was prepared, as far as that is known. */
    Instant begun() {
        return steps.isEmpty() ? since : steps.getFirst().at();
    }

    private static List<Step> steps(List<JournalEntry> facts, List<NoteEntry> notes) {
        record Placed(int factsBefore, int rank, Step step) {}
        List<Placed> placed = new ArrayList<>();
        for (int i = 0; i < facts.size(); i++) {
            placed.add(new Placed(i, 1, Step.of(facts.get(i))));
        }
        for (NoteEntry entry : notes) {
            Note note = entry.note();
            placed.add(new Placed(entry.factsBefore(), 0, Step.of(entry.recordedAt(), note)));
        }
        // The number of facts before it places a note, whatever the clock did; among notes alone the clock decides.
        return placed.stream()
                .sorted(Comparator.comparingInt(Placed::factsBefore)
                        .thenComparingInt(Placed::rank)
                        .thenComparing(each -> each.step().at()))
                .map(Placed::step)
                .toList();
    }
}
