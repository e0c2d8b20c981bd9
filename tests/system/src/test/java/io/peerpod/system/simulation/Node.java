// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import io.peerpod.node.journal.EndedLimits;
import io.peerpod.node.journal.Journal;
import io.peerpod.node.journal.JournalEntry;
import io.peerpod.node.journal.JournalException;
import io.peerpod.node.journal.JournalFolder;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Decision;
import io.peerpod.sandbox.OrphanSweep;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxEffect;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.SandboxState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A worker: its daemon, which dies and comes back, the disk, and the relay's sessions, which outlive it. */
final class Node {
    static final SandboxState ABSENT = new SandboxState.Absent();
    private static final Path FOLDER = Path.of("/j");
    private static final EndedLimits NOTHING_KEPT = new EndedLimits(0, Duration.ofDays(1));
    private static final int JOURNAL_RETRY = 200;
    private static final Map<String, Path> FILES = Map.of(
            "s0", FOLDER.resolve("s0.journal"), "s1", FOLDER.resolve("s1.journal"), "s2", FOLDER.resolve("s2.journal"));

    /** One sandbox in the daemon's memory. */
    static final class Mailbox {
        final String id;
        SandboxState state = ABSENT;

        @Nullable
        Journal journal;
        /** Whether a fact waits for the disk, and what waits behind it. */
        boolean blocked;

        final ArrayDeque<Runnable> letters = new ArrayDeque<>(2);

        Mailbox(String id) {
            this.id = id;
        }
    }

    final World world;
    final Dice dice;
    final SimulatedCloud cloud;
    final Rules rules;
    final Disk disk;
    final Map<String, Mailbox> mailboxes = new LinkedHashMap<>();
    /** What a crash-proof observer holds true: the state after the last facts that were durable. */
    private final Map<String, SandboxState> durable = new HashMap<>();
    /** What a journal says when the daemon died while facts were being written. */
    private final Map<String, List<SandboxState>> halfWritten = new HashMap<>();

    private final Set<String> stopAnswered = new HashSet<>();
    private final Map<LaunchToken, Long> creating = new HashMap<>();
    private final Map<String, Integer> attachments = new HashMap<>();
    final Set<String> sweeping = new HashSet<>();
    /** Sessions of the relay, tunnels and folders: what Release takes down. */
    private final Set<String> onWorker = new HashSet<>();
    /** Calls of StartVM that wait, by sandbox. */
    private final Map<String, Integer> waiting = new HashMap<>();

    private JournalFolder folder;
    private int boundaries;
    boolean honest;
    boolean alive;
    int life;

    Node(World world, SimulatedCloud cloud, Rules rules) {
        this.world = world;
        this.dice = world.dice;
        this.cloud = cloud;
        this.rules = rules;
        this.disk = new Disk(dice, this::boundary, rules.syncs());
        this.folder = journals();
    }

    /** The daemon dies when it has passed so many more boundaries. */
    void dieAfter(int more) {
        boundaries = more;
    }

    private void boundary() {
        if (boundaries > 0 && --boundaries == 0 && !honest) {
            throw new Death();
        }
    }

    void behave() {
        honest = true;
        disk.full = false;
    }

    void run(Runnable work) {
        try {
            work.run();
        } catch (Death _) {
            die(false);
        }
    }

    /** @param power whether the machine's power goes as well, and with it what was not synced */
    void die(boolean power) {
        world.tell("", power ? "the power goes" : "the daemon dies");
        alive = false;
        life++;
        creating.forEach((token, tag) -> cloud.cutOff(token, tag, world.now));
        creating.clear();
        mailboxes.clear();
        attachments.clear();
        sweeping.clear();
        waiting.clear();
        if (power) {
            disk.cutPower();
            onWorker.clear();
        }
        world.after(dice.below(1_500), life, () -> run(this::start));
    }

    void reboot() {
        die(true);
        world.tell("", "the state folder is wiped");
        disk.wipe();
        durable.clear();
        halfWritten.clear();
        stopAnswered.clear();
        cloud.excuseAll();
    }

    private JournalFolder journals() {
        return new JournalFolder(FOLDER, disk, world.clock, NOTHING_KEPT);
    }

    void start() {
        world.tell("", "the daemon starts");
        alive = true;
        folder = journals();
        JournalFolder.Recovery recovery;
        try {
            recovery = folder.recover();
        } catch (JournalException e) {
            throw new Violation("the journals cannot be read: " + e.getMessage());
        }
        Violation.unless(recovery.problems().isEmpty(), "a crash damaged a journal: " + recovery.problems());
        for (JournalFolder.Recovered found : recovery.sandboxes()) {
            Mailbox mailbox = new Mailbox(found.sandboxId());
            mailbox.journal = found.journal();
            for (JournalEntry entry : found.entries()) {
                mailbox.state = rules.evolve(mailbox.state, entry.fact());
            }
            mailboxes.put(mailbox.id, mailbox);
        }
        nothingIsForgotten();
        List<Mailbox> all = List.copyOf(mailboxes.values());
        all.forEach(mailbox -> perform(mailbox, null, () -> {}));
        Watches.start(this);
    }

    private void nothingIsForgotten() {
        durable.forEach((id, state) -> {
            Mailbox mailbox = mailboxes.get(id);
            SandboxState recovered = mailbox == null ? ABSENT : mailbox.state;
            Violation.unless(
                    recovered.equals(state)
                            || halfWritten.getOrDefault(id, List.of()).contains(recovered),
                    id + " was " + state.getClass().getSimpleName() + " and comes back as "
                            + recovered.getClass().getSimpleName());
        });
        durable.keySet().retainAll(mailboxes.keySet());
        halfWritten.keySet().retainAll(mailboxes.keySet());
        // Until a journal is settled, another power cut may take back what a write without a sync had left.
        mailboxes.forEach((id, mailbox) -> {
            durable.putIfAbsent(id, ABSENT);
            halfWritten.computeIfAbsent(id, _ -> new ArrayList<>(2)).add(mailbox.state);
        });
    }

    Mailbox mailbox(String id) {
        return mailboxes.computeIfAbsent(id, Mailbox::new);
    }

    /** A shim's CreateVM. */
    void createVm(Sandbox sandbox) {
        if (!alive) {
            return;
        }
        if (sweeping.contains(sandbox.id())) {
            world.after(100, life, () -> createVm(sandbox));
            return;
        }
        Mailbox mailbox = mailbox(sandbox.id());
        if (mailbox.state instanceof SandboxState.Absent) {
            stopAnswered.remove(sandbox.id());
            offer(mailbox, new SandboxEvent.CreateRequested(sandbox), () -> {});
            if (mailbox.state instanceof SandboxState.Absent) {
                mailboxes.remove(sandbox.id(), mailbox);
            }
        }
    }

    /** A shim's StartVM. */
    void startVm(String id) {
        Mailbox mailbox = mailboxes.get(id);
        if (!alive || mailbox == null || !offer(mailbox, new SandboxEvent.StartRequested(), () -> {})) {
            return;
        }
        if (!isOver(mailbox.state)) {
            waiting.merge(id, 1, Integer::sum);
        }
    }

    private static boolean isOver(SandboxState state) {
        return switch (state) {
            case SandboxState.Ready _, SandboxState.AwaitingLanding _, SandboxState.Stopping _, SandboxState.Gone _ ->
                true;
            case SandboxState.Absent _, SandboxState.Prepared _, SandboxState.Launching _, SandboxState.Connecting _ ->
                false;
        };
    }

    /** A shim's StopVM. */
    void stopVm(String id) {
        if (!alive) {
            return;
        }
        Mailbox mailbox = mailboxes.get(id);
        if (mailbox != null) {
            offer(mailbox, new SandboxEvent.StopRequested(), () -> stopAnswered.add(id));
        }
    }

    /** News for a sandbox, if it is still the same one. */
    void tell(Mailbox mailbox, SandboxEvent event) {
        if (alive && mailboxes.get(mailbox.id) == mailbox) {
            offer(mailbox, event, () -> {});
        }
    }

    private boolean offer(Mailbox mailbox, SandboxEvent event, Runnable answered) {
        if (world.isTelling()) {
            world.tell(mailbox.id, event);
        }
        if (mailbox.blocked) {
            mailbox.letters.add(() -> perform(mailbox, event, answered));
            return false;
        }
        return perform(mailbox, event, answered);
    }

    /** As the daemon's mailbox does: facts, then their effects. Answers whether it was done at once. */
    private boolean perform(Mailbox mailbox, @Nullable SandboxEvent event, Runnable answered) {
        Decision decision = event == null ? rules.resume(mailbox.state) : rules.decide(mailbox.state, event);
        if (!rules.factsFirst()) {
            decision.effects().forEach(effect -> start(mailbox, effect));
        }
        try {
            Journal recovered = mailbox.journal;
            if (event == null && recovered != null) {
                recovered.settle();
                durable.put(mailbox.id, mailbox.state);
                halfWritten.remove(mailbox.id);
            }
            record(mailbox, decision.facts());
        } catch (JournalException e) {
            world.tell(mailbox.id, String.valueOf(e.getMessage()));
            boolean refusable =
                    event instanceof SandboxEvent.CreateRequested || event instanceof SandboxEvent.StartRequested;
            if (!refusable) {
                mailbox.blocked = true;
                later(JOURNAL_RETRY, () -> unblock(mailbox, event, answered));
            }
            return false;
        }
        if (rules.factsFirst()) {
            for (SandboxEffect effect : decision.effects()) {
                boundary();
                start(mailbox, effect);
            }
        }
        boundary();
        answered.run();
        return true;
    }

    private void unblock(Mailbox mailbox, @Nullable SandboxEvent event, Runnable answered) {
        mailbox.blocked = false;
        perform(mailbox, event, answered);
        while (!mailbox.blocked && mailboxes.get(mailbox.id) == mailbox && !mailbox.letters.isEmpty()) {
            mailbox.letters.remove().run();
        }
    }

    private void record(Mailbox mailbox, List<SandboxFact> facts) throws JournalException {
        SandboxState next = mailbox.state;
        List<SandboxState> steps = new ArrayList<>(2);
        for (SandboxFact fact : facts) {
            next = rules.evolve(next, fact);
            steps.add(next);
        }
        if (next instanceof SandboxState.Gone) {
            halfWritten.computeIfAbsent(mailbox.id, _ -> new ArrayList<>(2)).add(ABSENT);
            Journal journal = mailbox.journal;
            if (journal != null) {
                journal.end(facts);
            }
            mailboxes.remove(mailbox.id);
            durable.remove(mailbox.id);
            halfWritten.remove(mailbox.id);
        } else if (!steps.isEmpty()) {
            halfWritten.computeIfAbsent(mailbox.id, _ -> new ArrayList<>(2)).addAll(steps);
            Journal journal = mailbox.journal;
            if (journal == null) {
                mailbox.journal = folder.create(mailbox.id, facts);
            } else {
                journal.append(facts);
            }
            durable.put(mailbox.id, next);
            // Until a write succeeds, what a failed one left may be there after a restart.
            halfWritten.remove(mailbox.id);
        }
        if (world.isTelling()) {
            facts.forEach(fact -> world.tell(mailbox.id, "  fact " + fact));
        }
        mailbox.state = next;
        if (isOver(next)) {
            waiting.remove(mailbox.id);
        }
    }

    private void start(Mailbox mailbox, SandboxEffect effect) {
        if (world.isTelling()) {
            world.tell(mailbox.id, "  effect " + effect);
        }
        switch (effect) {
            case SandboxEffect.CreateVm(var sandbox) -> create(mailbox, sandbox.token());
            case SandboxEffect.RetryLater(var delay) ->
                later(delay.toMillis(), () -> tell(mailbox, new SandboxEvent.RetryDue()));
            case SandboxEffect.AwaitLanding(var token) ->
                awaitLanding(mailbox, token, world.now + SimulatedCloud.LANDING_WINDOW, 200);
            case SandboxEffect.Connect(var _, var vm) -> connect(mailbox, vm);
            case SandboxEffect.WatchGuest(var _, var vm) -> watch(mailbox, vm);
            case SandboxEffect.DeleteVm(var token, int attempt, var delay) ->
                later(delay.toMillis() + latency(), () -> {
                    noPodLosesItsVm(token);
                    tell(mailbox, cloud.delete(token, attempt, world.now));
                });
            case SandboxEffect.Release(var _, var _, int attempt, var delay) ->
                release(mailbox, attempt, delay.toMillis());
            case SandboxEffect.Forget _ -> mailboxes.remove(mailbox.id);
        }
    }

    private void create(Mailbox mailbox, LaunchToken token) {
        Violation.unless(!stopAnswered.contains(mailbox.id), "a create after an answered stop of " + mailbox.id);
        long tag = world.wallMillis();
        Violation.unless(creating.put(token, tag) == null, "two creates of " + token + " at once");
        later(latency() * 10L, () -> {
            creating.remove(token);
            SandboxEvent answer = cloud.create(token, tag, world.now);
            Violation.unless(!cloud.hasTwoNames(token), "two VMs for sandbox " + mailbox.id);
            tell(mailbox, answer);
        });
    }

    private void awaitLanding(Mailbox mailbox, LaunchToken token, long deadline, long pause) {
        Optional<PodVm> found = cloud.find(token, world.now);
        if (found.isPresent()) {
            later(0, () -> tell(mailbox, new SandboxEvent.VmFound(found.get())));
        } else if (world.now > deadline) {
            later(0, () -> tell(mailbox, new SandboxEvent.NothingLanded()));
        } else {
            later(pause, () -> awaitLanding(mailbox, token, deadline, Math.min(10_000, pause * 2)));
        }
    }

    private void connect(Mailbox mailbox, PodVm vm) {
        Violation.unless(cloud.everMade(vm), mailbox.id + " connects to " + vm.id() + ", which is not its VM");
        onWorker.add(mailbox.id);
        boolean reached = honest || !dice.oneIn(5);
        attached(
                mailbox,
                latency() * 5L,
                () -> reached && cloud.isThere(vm)
                        ? new SandboxEvent.GuestReady()
                        : new SandboxEvent.ConnectFailed(Shims.TROUBLE));
    }

    private void watch(Mailbox mailbox, PodVm vm) {
        Violation.unless(cloud.everMade(vm), mailbox.id + " watches " + vm.id() + ", which is not its VM");
        if (!onWorker.contains(mailbox.id) || (!honest && dice.oneIn(5))) {
            attached(mailbox, latency(), () -> new SandboxEvent.GuestLost(Shims.TROUBLE));
        }
    }

    private void attached(Mailbox mailbox, long delay, java.util.function.Supplier<SandboxEvent> answer) {
        int attachment = attachments.merge(mailbox.id, 1, Integer::sum);
        // Now and then the answer was in the mailbox before Release ended what it answers.
        boolean late = dice.oneIn(4);
        later(delay, () -> {
            if (late || attachments.getOrDefault(mailbox.id, 0) == attachment) {
                tell(mailbox, answer.get());
            }
        });
    }

    private void release(Mailbox mailbox, int attempt, long delay) {
        attachments.merge(mailbox.id, 1, Integer::sum);
        boolean done = honest || !dice.oneIn(4);
        later(delay + latency(), () -> {
            if (done) {
                onWorker.remove(mailbox.id);
            }
            tell(mailbox, done ? new SandboxEvent.Released() : new SandboxEvent.ReleaseFailed(attempt, Shims.TROUBLE));
        });
    }

    void later(long delay, Runnable work) {
        world.after(delay, life, work);
    }

    int latency() {
        return 1 + dice.below(honest ? 20 : 100);
    }

    /** Before anything is deleted: it is no VM of a sandbox that is meant to live. */
    void noPodLosesItsVm(LaunchToken token) {
        SandboxState state = durable.getOrDefault(token.sandboxId(), ABSENT);
        boolean ending = state instanceof SandboxState.Stopping
                || state instanceof SandboxState.Absent
                || !SandboxState.sandboxOf(state).map(Sandbox::token).equals(Optional.of(token));
        Violation.unless(
                ending,
                "the VM of " + token.sandboxId() + " is deleted while it is "
                        + state.getClass().getSimpleName());
    }

    OrphanSweep.Known known() {
        Set<LaunchToken> tokens = new HashSet<>();
        mailboxes
                .values()
                .forEach(mailbox ->
                        SandboxState.sandboxOf(mailbox.state).ifPresent(sandbox -> tokens.add(sandbox.token())));
        return new OrphanSweep.Known(tokens, Set.of());
    }

    /** The invariants that hold after every event. */
    void verify() {
        cloud.answeredFor(token -> Violation.unless(
                disk.holds(java.util.Objects.requireNonNull(FILES.get(token.sandboxId()))),
                "a VM is there, or on its way, without a journal"));
        for (String id : stopAnswered) {
            SandboxState state = durable.getOrDefault(id, ABSENT);
            boolean ending = state instanceof SandboxState.Absent
                    || state instanceof SandboxState.Stopping
                    || state instanceof SandboxState.AwaitingLanding;
            Violation.unless(
                    ending,
                    "StopVM of " + id + " was answered and it is "
                            + state.getClass().getSimpleName());
        }
    }

    boolean isAtRest() {
        return alive && mailboxes.isEmpty() && disk.isEmpty() && cloud.isEmpty() && onWorker.isEmpty();
    }

    String leftovers() {
        List<String> left = new ArrayList<>();
        mailboxes.forEach(
                (id, mailbox) -> left.add(id + " is " + mailbox.state.getClass().getSimpleName()));
        left.add(disk.isEmpty() ? "no journal" : "a journal");
        left.add(cloud.isEmpty() ? "no VM" : "a VM");
        left.add(onWorker.isEmpty() ? "no session" : "a session");
        return String.join(", ", left);
    }

    boolean nobodyWaits() {
        return waiting.isEmpty();
    }
}
