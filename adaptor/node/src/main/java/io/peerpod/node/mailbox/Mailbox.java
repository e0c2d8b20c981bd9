// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.mailbox;

import io.peerpod.node.journal.Journal;
import io.peerpod.node.journal.JournalException;
import io.peerpod.node.journal.JournalFolder;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.sandbox.Decision;
import io.peerpod.sandbox.IllegalTransitionException;
import io.peerpod.sandbox.SandboxEffect;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.SandboxLifecycle;
import io.peerpod.sandbox.SandboxState;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The owner of one sandbox. */
public final class Mailbox {
    private static final Duration JOURNAL_RETRY_FIRST = Duration.ofMillis(100);
    private static final Duration JOURNAL_RETRY_LONGEST = Duration.ofSeconds(5);
    private static final Logger log = LoggerFactory.getLogger(Mailbox.class);

    private final String sandboxId;
    private final JournalFolder journals;
    private final EffectRunner effects;
    private final LifeObserver observer;
    private final Runnable changed;
    private final ReentrantLock lock = new ReentrantLock();
    private final ReentrantLock creation = new ReentrantLock();
    private final ArrayDeque<Letter> letters = new ArrayDeque<>();
    private final List<Waiter> waiters = new ArrayList<>();
    private volatile SandboxState state;
    private volatile @Nullable Journal journal;
    private boolean working;
    private volatile boolean closed;

    private final EffectRunner.Report report = new EffectRunner.Report() {
        @Override
        public void answer(SandboxEvent event) {
            tell(event);
        }

        @Override
        public void note(Note note) {
            Mailbox.this.note(note);
        }
    };

    /** An event, or the restart when it is null, and who waits for it to be dealt with. */
    private record Letter(@Nullable SandboxEvent event, CompletableFuture<SandboxState> done) {
        /** Whether its sender can be told that nothing was done. */
        boolean refusable() {
            return event instanceof SandboxEvent.CreateRequested || event instanceof SandboxEvent.StartRequested;
        }

        Decision decide(SandboxState state) {
            return event == null ? SandboxLifecycle.resume(state) : SandboxLifecycle.decide(state, event);
        }
    }

    private record Waiter(Predicate<SandboxState> wanted, CompletableFuture<SandboxState> future) {}

    Mailbox(
            String sandboxId,
            SandboxState state,
            @Nullable Journal journal,
            JournalFolder journals,
            EffectRunner effects,
            LifeObserver observer,
            Runnable changed) {
        this.sandboxId = sandboxId;
        this.state = state;
        this.journal = journal;
        this.journals = journals;
        this.effects = effects;
        this.observer = observer;
        this.changed = changed;
    }

    /** The sandbox's id. */
    public String sandboxId() {
        return sandboxId;
    }

    /** Where the sandbox stands now. */
    public SandboxState state() {
        return state;
    }

    /** Held by whoever prepares the sandbox, so that a second CreateVM of the same id waits for the first. */
    public ReentrantLock creation() {
        return creation;
    }

    /**
     * Hands an event over. The future completes with the state after it, when its facts are durable and its effects started; it
     * fails with a {@link JournalException} when a request could not be recorded and nothing was done.
     */
    public CompletableFuture<SandboxState> offer(SandboxEvent event) {
        Letter letter = new Letter(event, new CompletableFuture<>());
        enqueue(letter);
        return letter.done();
    }

    /** Hands an event over; nobody waits for it. */
    public void tell(SandboxEvent event) {
        enqueue(new Letter(event, new CompletableFuture<>()));
    }

    /** Notes a stage for the flight recorder; of a sandbox that was never prepared nothing is noted. */
    public void note(Note note) {
        observer.noted(sandboxId, note);
        Journal open = journal;
        if (open != null) {
            open.note(note);
        }
    }

    /** Takes up where a predecessor ended. */
    void resume() {
        note(Note.of(
                Stage.RESUMED,
                "daemon " + ProcessHandle.current().pid() + " takes it up as "
                        + state.getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT)));
        enqueue(new Letter(null, new CompletableFuture<>()));
    }

    /** Completes with the first state that is wanted, which may be the present one. */
    public CompletableFuture<SandboxState> await(Predicate<SandboxState> wanted) {
        lock.lock();
        try {
            SandboxState now = state;
            if (wanted.test(now)) {
                return CompletableFuture.completedFuture(now);
            }
            if (closed) {
                return CompletableFuture.failedFuture(ended());
            }
            Waiter waiter = new Waiter(wanted, new CompletableFuture<>());
            waiters.add(waiter);
            return waiter.future();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes nothing more, tells whoever waits, and returns when what was being dealt with is done, or the time is over: from then on
     * the journal belongs to somebody else.
     */
    void close(Duration patience) {
        List<CompletableFuture<SandboxState>> disappointed = new ArrayList<>();
        lock.lock();
        try {
            closed = true;
            letters.forEach(letter -> disappointed.add(letter.done()));
            letters.clear();
            waiters.forEach(waiter -> disappointed.add(waiter.future()));
            waiters.clear();
        } finally {
            lock.unlock();
        }
        disappointed.forEach(future -> future.completeExceptionally(ended()));
        long deadline = System.nanoTime() + patience.toNanos();
        while (isWorking() && System.nanoTime() < deadline) {
            sleep(Duration.ofMillis(1));
        }
        Journal open = journal;
        if (open != null) {
            open.close();
        }
    }

    private boolean isWorking() {
        lock.lock();
        try {
            return working;
        } finally {
            lock.unlock();
        }
    }

    private static InterruptedException ended() {
        return new InterruptedException("the daemon is ending");
    }

    private void enqueue(Letter letter) {
        boolean start;
        lock.lock();
        try {
            if (closed) {
                letter.done().completeExceptionally(ended());
                return;
            }
            letters.add(letter);
            start = !working;
            working = true;
        } finally {
            lock.unlock();
        }
        if (start) {
            Thread.ofVirtual().name("sandbox-" + sandboxId).start(this::work);
        }
    }

    private void work() {
        for (Optional<Letter> letter = next(); letter.isPresent(); letter = next()) {
            handle(letter.get());
        }
    }

    private Optional<Letter> next() {
        lock.lock();
        try {
            Letter letter = letters.poll();
            working = letter != null;
            return Optional.ofNullable(letter);
        } finally {
            lock.unlock();
        }
    }

    private void handle(Letter letter) {
        try {
            Decision decision = record(letter);
            for (SandboxEffect effect : decision.effects()) {
                if (!(effect instanceof SandboxEffect.Forget)) {
                    effects.run(effect, report);
                }
            }
            letter.done().complete(state);
        } catch (JournalException e) {
            letter.done().completeExceptionally(e);
        } catch (IllegalTransitionException e) {
            // A defect of ours. The sandbox stays as it is, and a stop is still possible.
            log.atError()
                    .addKeyValue("sandbox", sandboxId)
                    .addKeyValue("event", letter.event())
                    .setCause(e)
                    .log("an event that cannot happen was dropped");
            letter.done().completeExceptionally(e);
        } catch (RuntimeException e) {
            // Also ours. The letters behind this one, a stop among them, still have their turn.
            log.atError()
                    .addKeyValue("sandbox", sandboxId)
                    .addKeyValue("event", letter.event())
                    .setCause(e)
                    .log("an event was not dealt with");
            letter.done().completeExceptionally(e);
        }
    }

    /** Makes what was decided durable; what cannot be refused is tried until the disk takes it. */
    private Decision record(Letter letter) throws JournalException {
        Duration pause = JOURNAL_RETRY_FIRST;
        while (true) {
            Decision decision = letter.decide(state);
            SandboxState next = state;
            for (SandboxFact fact : decision.facts()) {
                next = SandboxLifecycle.evolve(next, fact);
            }
            try {
                if (letter.event() == null) {
                    settle();
                }
                if (next instanceof SandboxState.Gone gone) {
                    // The last facts need not be durable: the file goes, and with it the last trace that is acted
                    // on, before anybody is told.
                    forget(decision.facts());
                    effects.run(new SandboxEffect.Forget(gone.sandbox()), report);
                } else {
                    append(decision.facts());
                }
                publish(next);
                return decision;
            } catch (JournalException e) {
                if (letter.refusable() || closed) {
                    throw e;
                }
                log.atError()
                        .addKeyValue("sandbox", sandboxId)
                        .addKeyValue("failure", e.getMessage())
                        .log("the journal takes nothing; the sandbox waits for it");
                sleep(pause);
                pause = pause.multipliedBy(2).compareTo(JOURNAL_RETRY_LONGEST) < 0
                        ? pause.multipliedBy(2)
                        : JOURNAL_RETRY_LONGEST;
            }
        }
    }

    private void settle() throws JournalException {
        Journal open = journal;
        if (open != null) {
            open.settle();
        }
    }

    private void append(List<SandboxFact> facts) throws JournalException {
        if (facts.isEmpty()) {
            return;
        }
        Journal open = journal;
        if (open == null) {
            journal = journals.create(sandboxId, facts);
        } else {
            open.append(facts);
        }
    }

    private void forget(List<SandboxFact> last) {
        Journal open = journal;
        Duration pause = JOURNAL_RETRY_FIRST;
        while (open != null && !closed) {
            try {
                open.end(last);
                open = null;
            } catch (JournalException e) {
                log.atWarn()
                        .addKeyValue("sandbox", sandboxId)
                        .addKeyValue("failure", e.getMessage())
                        .log("the journal of a sandbox that is gone stays behind for now");
                sleep(pause);
                pause = JOURNAL_RETRY_LONGEST;
            }
        }
        journal = null;
    }

    private void publish(SandboxState next) {
        if (!next.equals(state)) {
            observer.moved(sandboxId, state, next);
        }
        UnaryOperator<String> word = name -> name.toLowerCase(java.util.Locale.ROOT);
        List<Waiter> satisfied = new ArrayList<>();
        lock.lock();
        try {
            if (!next.getClass().equals(state.getClass())) {
                log.atInfo()
                        .addKeyValue("sandbox", sandboxId)
                        .addKeyValue("state", word.apply(next.getClass().getSimpleName()))
                        .log("sandbox moved on");
            }
            state = next;
            waiters.removeIf(waiter -> waiter.wanted().test(next) && satisfied.add(waiter));
        } finally {
            lock.unlock();
        }
        satisfied.forEach(waiter -> waiter.future().complete(next));
        changed.run();
    }

    private static void sleep(Duration pause) {
        // Should somebody interrupt a mailbox, the next attempt simply comes earlier.
        LockSupport.parkNanos(pause.toNanos());
    }
}
