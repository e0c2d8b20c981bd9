// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.mailbox;

import io.peerpod.node.journal.JournalEntry;
import io.peerpod.node.journal.JournalException;
import io.peerpod.node.journal.JournalFolder;
import io.peerpod.provider.LaunchToken;
import io.peerpod.sandbox.IllegalTransitionException;
import io.peerpod.sandbox.OrphanSweep;
import io.peerpod.sandbox.SandboxLifecycle;
import io.peerpod.sandbox.SandboxState;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** All sandboxes of this worker, by id. */
public final class Sandboxes {
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(2);

    private final JournalFolder journals;
    private final EffectRunner effects;
    private final Map<String, Mailbox> mailboxes = new ConcurrentHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** Sandboxes whose journals are there and cannot be followed. */
    private final Set<String> contradictory = ConcurrentHashMap.newKeySet();

    private final LifeObserver observer;

    public Sandboxes(JournalFolder journals, EffectRunner effects) {
        this(journals, effects, LifeObserver.NONE);
    }

    /** With somebody who is told how the sandboxes fare. */
    public Sandboxes(JournalFolder journals, EffectRunner effects, LifeObserver observer) {
        this.observer = observer;
        this.journals = journals;
        this.effects = effects;
    }

    /**
     * A sandbox that a predecessor left, before anything is done about it.
     *
     * @param state as its facts have it
     */
    public record Left(String sandboxId, SandboxState state) {}

    /**
     * What was found.
     *
     * @param sandboxes that are known from now on
     * @param problems sentences about journals that cannot be used
     */
    public record Loaded(List<Left> sandboxes, List<String> problems) {}

    /** Reads every journal. Nothing is done about the sandboxes before {@link #resume}. */
    public Loaded load() throws JournalException {
        JournalFolder.Recovery recovery = journals.recover();
        List<String> problems = new ArrayList<>(recovery.problems());
        List<Left> sandboxes = new ArrayList<>();
        for (JournalFolder.Recovered found : recovery.sandboxes()) {
            SandboxState state = new SandboxState.Absent();
            try {
                for (JournalEntry entry : found.entries()) {
                    state = SandboxLifecycle.evolve(state, entry.fact());
                }
            } catch (IllegalTransitionException e) {
                problems.add(setAside(found.sandboxId(), e));
                continue;
            }
            mailboxes.put(
                    found.sandboxId(),
                    new Mailbox(found.sandboxId(), state, found.journal(), journals, effects, observer, this::signal));
            sandboxes.add(new Left(found.sandboxId(), state));
        }
        return new Loaded(sandboxes, problems);
    }

    /** Which VMs somebody answers for, for the orphan sweep. To be asked after the cloud was listed. */
    public OrphanSweep.Known known() {
        Set<LaunchToken> tokens = new HashSet<>();
        for (Mailbox mailbox : mailboxes.values()) {
            SandboxState.sandboxOf(mailbox.state()).ifPresent(sandbox -> tokens.add(sandbox.token()));
        }
        Set<String> setAside = new HashSet<>(contradictory);
        setAside.addAll(journals.setAside());
        return new OrphanSweep.Known(tokens, setAside);
    }

    private String setAside(String sandboxId, IllegalTransitionException why) {
        try {
            return journals.setAside(sandboxId, "contradicts itself: " + why.getMessage());
        } catch (IOException e) {
            contradictory.add(sandboxId);
            return "journal of sandbox " + sandboxId + " contradicts itself: " + why.getMessage()
                    + "; it cannot be set aside (" + e.getMessage() + ") and is left alone, as is its pod VM";
        }
    }

    /** A shim asks to stop a sandbox that is not known: if its journal was set aside, its VM goes to the sweep. */
    public void stopUnknown(String sandboxId) throws JournalException {
        journals.stopSetAside(sandboxId);
    }

    /** Continues every loaded sandbox where it stood, all at once. */
    public void resume() {
        mailboxes.values().forEach(Mailbox::resume);
    }

    /** The mailbox of a sandbox that is known. */
    public Optional<Mailbox> find(String sandboxId) {
        return Optional.ofNullable(mailboxes.get(sandboxId)).filter(Sandboxes::known);
    }

    /** The mailbox of a sandbox, a new one if it is not known or gone. */
    public Mailbox open(String sandboxId) {
        return mailboxes.compute(
                sandboxId,
                (id, known) -> known == null || known.state() instanceof SandboxState.Gone
                        ? new Mailbox(id, new SandboxState.Absent(), null, journals, effects, observer, this::signal)
                        : known);
    }

    /** Whether the mailbox is the one of its sandbox, and not one that was dropped meanwhile. */
    public boolean isCurrent(Mailbox mailbox) {
        return mailboxes.get(mailbox.sandboxId()) == mailbox;
    }

    /** Lets go of every journal; whatever comes for a sandbox from now on is refused. */
    public void close() {
        mailboxes.values().forEach(mailbox -> mailbox.close(CLOSE_PATIENCE));
    }

    /** Drops a mailbox whose sandbox never came to be. */
    public void drop(Mailbox mailbox) {
        if (mailbox.state() instanceof SandboxState.Absent) {
            mailboxes.remove(mailbox.sandboxId(), mailbox);
        }
    }

    /** Every sandbox that is known. */
    public Collection<Mailbox> all() {
        return mailboxes.values().stream().filter(Sandboxes::known).toList();
    }

    /**
     * Waits until the supplier has an answer; it is asked again after every change of any sandbox.
     *
     * @param nanos at most
     */
    public <T> Optional<T> await(Supplier<Optional<T>> question, long nanos) throws InterruptedException {
        long left = nanos;
        lock.lock();
        try {
            Optional<T> answer = question.get();
            while (answer.isEmpty() && left > 0) {
                left = changed.awaitNanos(left);
                answer = question.get();
            }
            return answer;
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #await(Supplier, long)}, for as long as it takes. */
    public <T> T await(Supplier<Optional<T>> question) throws InterruptedException {
        while (true) {
            Optional<T> answer = await(question, TimeUnit.HOURS.toNanos(1));
            if (answer.isPresent()) {
                return answer.get();
            }
        }
    }

    private static boolean known(Mailbox mailbox) {
        return !(mailbox.state() instanceof SandboxState.Absent) && !(mailbox.state() instanceof SandboxState.Gone);
    }

    private void signal() {
        mailboxes.values().removeIf(mailbox -> mailbox.state() instanceof SandboxState.Gone);
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
