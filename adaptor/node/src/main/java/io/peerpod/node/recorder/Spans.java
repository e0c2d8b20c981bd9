// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.node.journal.JournalEntry;
import io.peerpod.node.journal.NoteEntry;
import io.peerpod.node.journal.Stage;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.SandboxLifecycle;
import io.peerpod.sandbox.SandboxState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Cuts a life into stretches: where one fact ends and the next begins, and within the guest's boot by the stages that were noted. */
public final class Spans {
    private static final Duration SHORTEST_PAUSE = Duration.ofMillis(10);

    private final List<NoteEntry> notes;
    private final Instant now;
    private final List<Span> closed = new ArrayList<>();
    private final Map<Spent, Instant> running = new EnumMap<>(Spent.class);

    private Spans(List<NoteEntry> notes, Instant now) {
        this.notes = notes;
        this.now = now;
    }

    /**
     * The stretches in the order of their beginnings.
     *
     * @param facts that can follow each other
     * @param now ends what is still going on
     */
    public static List<Span> of(List<JournalEntry> facts, List<NoteEntry> notes, Instant now) {
        Spans spans = new Spans(notes, now);
        SandboxState state = new SandboxState.Absent();
        for (JournalEntry entry : facts) {
            state = SandboxLifecycle.evolve(state, entry.fact());
            spans.passed(entry, state);
        }
        return spans.finished();
    }

    private void passed(JournalEntry entry, SandboxState state) {
        Instant at = entry.recordedAt();
        if (entry.fact() instanceof SandboxFact.VmDeleted) {
            close(Spent.CLOUD_DELETE, at);
            return;
        }
        if (entry.fact() instanceof SandboxFact.Cleaned) {
            close(Spent.RELEASE, at);
            return;
        }
        List.copyOf(running.keySet()).forEach(spent -> close(spent, at));
        switch (state) {
            case SandboxState.Prepared _ -> running.put(Spent.WAIT_FOR_START, at);
            case SandboxState.Launching launching ->
                running.put(launching.calling() ? Spent.CLOUD_CREATE : Spent.RETRY_PAUSE, at);
            case SandboxState.Connecting _ -> running.put(Spent.GUEST_BOOT, at);
            case SandboxState.Ready _ -> running.put(Spent.RUNNING, at);
            case SandboxState.AwaitingLanding _ -> running.put(Spent.LANDING, at);
            case SandboxState.Stopping stopping -> {
                if (!stopping.vmGone()) {
                    running.put(Spent.CLOUD_DELETE, at);
                }
                if (!stopping.released()) {
                    running.put(Spent.RELEASE, at);
                }
            }
            case SandboxState.Absent _, SandboxState.Gone _ -> {}
        }
    }

    private void close(Spent spent, Instant at) {
        Instant from = running.remove(spent);
        if (from != null) {
            add(spent, from, at, false);
        }
    }

    private List<Span> finished() {
        List.copyOf(running.entrySet()).forEach(entry -> add(entry.getKey(), entry.getValue(), now, true));
        closed.sort((a, b) -> a.from().compareTo(b.from()));
        return closed;
    }

    private void add(Spent spent, Instant from, Instant to, boolean open) {
        if (spent == Spent.RETRY_PAUSE && Duration.between(from, to).compareTo(SHORTEST_PAUSE) < 0) {
            // The call's end and the end of the whole launch were recorded at once, so there was no pause.
            return;
        }
        if (spent != Spent.GUEST_BOOT) {
            closed.add(new Span(spent, from, to, open));
            return;
        }
        Instant at = from;
        Spent current = Spent.GUEST_BOOT;
        for (Mark mark : List.of(new Mark(Stage.PORT_OPEN, Spent.TLS), new Mark(Stage.TLS_DONE, Spent.AGENT))) {
            Optional<Instant> reached = last(mark.stage(), at, to);
            if (reached.isEmpty()) {
                continue;
            }
            closed.add(new Span(current, at, reached.get(), false));
            at = reached.get();
            current = mark.next();
        }
        closed.add(new Span(current, at, to, open));
        tunnel(from, to);
    }

    /** @param next what goes on from the moment at which the stage was reached */
    private record Mark(Stage stage, Spent next) {}

    private void tunnel(Instant from, Instant to) {
        Optional<Instant> begun = last(Stage.TUNNEL_BEGUN, from, to);
        Optional<Instant> up = last(Stage.TUNNEL_UP, from, to);
        if (begun.isPresent() && up.isPresent()) {
            closed.add(new Span(Spent.TUNNEL, begun.get(), up.get(), false));
        }
    }

    private Optional<Instant> last(Stage stage, Instant from, Instant to) {
        return notes.stream()
                .filter(note ->
                        note.note().stage() == stage && note.note().failure().isEmpty())
                .map(NoteEntry::recordedAt)
                .filter(at -> !at.isBefore(from) && !at.isAfter(to))
                .reduce((_, later) -> later);
    }
}
