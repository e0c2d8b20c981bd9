// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;

/**
 * A daemon that runs the pure core over virtual time, dies at a chosen effect boundary, and comes back with nothing but its
 * journals. Invariants are checked after every event.
 */
final class SimulatedDaemon {
    private record Task(long due, long number, int life, String sandbox, Runnable work) {}

    private static final class Death extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private final Random random;
    private final SimulatedCloud cloud;
    private final Map<String, List<SandboxFact>> journals = new LinkedHashMap<>();
    private final Map<String, SandboxState> states = new LinkedHashMap<>();
    private final Set<String> stopped = new HashSet<>();
    private final Set<String> gone = new HashSet<>();
    /** What Release ends: the running Connect or WatchGuest of a sandbox. */
    private final Map<String, Integer> attachments = new LinkedHashMap<>();

    private final Map<LaunchToken, Integer> creating = new LinkedHashMap<>();
    private final PriorityQueue<Task> tasks =
            new PriorityQueue<>(java.util.Comparator.comparingLong(Task::due).thenComparingLong(Task::number));
    final List<String> story = new ArrayList<>();
    private int boundariesToDeath;
    private final boolean telling;
    private boolean honest;
    private boolean alive = true;
    private long now;
    private long number;
    private int life;

    SimulatedDaemon(Random random, SimulatedCloud cloud, int boundariesToDeath, boolean telling) {
        this.random = random;
        this.cloud = cloud;
        this.boundariesToDeath = boundariesToDeath;
        this.telling = telling;
    }

    void behave() {
        honest = true;
        boundariesToDeath = Integer.MAX_VALUE;
        cloud.behave();
    }

    /** Something from outside: it happens whether the daemon lives or not, and reaches it only if it does. */
    void at(long delay, String sandbox, SandboxEvent event) {
        tasks.add(new Task(now + delay, number++, -1, sandbox, () -> handle(sandbox, event)));
    }

    void run(long until) {
        while (!tasks.isEmpty() && tasks.peek().due() <= until) {
            Task task = tasks.remove();
            now = task.due();
            cloud.advance(now);
            if (task.life() < 0 || task.life() == life) {
                step(task.work());
            }
        }
        now = Math.max(now, until);
        cloud.advance(now);
        verify();
    }

    private void step(Runnable work) {
        try {
            work.run();
            verify();
        } catch (Death _) {
            die();
        }
    }

    private void die() {
        tell("", "the daemon dies");
        alive = false;
        life++;
        creating.keySet().forEach(token -> cloud.cutOff(token, now));
        creating.clear();
        attachments.clear();
        states.clear();
        verify();
        int ours = life;
        tasks.add(new Task(now + random.nextLong(2_000), number++, ours, "", this::restart));
    }

    private void restart() {
        tell("", "the daemon comes back");
        alive = true;
        for (String id : List.copyOf(journals.keySet())) {
            SandboxState state = new SandboxState.Absent();
            for (SandboxFact fact : journals.getOrDefault(id, List.of())) {
                state = SandboxLifecycle.evolve(state, fact);
            }
            states.put(id, state);
        }
        for (String id : List.copyOf(states.keySet())) {
            perform(id, SandboxLifecycle.resume(state(id)));
        }
    }

    private SandboxState state(String id) {
        return states.getOrDefault(id, new SandboxState.Absent());
    }

    private void handle(String id, SandboxEvent event) {
        if (!alive || gone.contains(id)) {
            return;
        }
        tell(id, event);
        perform(id, SandboxLifecycle.decide(state(id), event));
    }

    private void perform(String id, Decision decision) {
        for (SandboxFact fact : decision.facts()) {
            boundary();
            require(!gone.contains(id), "Gone is final");
            journals.computeIfAbsent(id, _ -> new ArrayList<>()).add(fact);
            states.put(id, SandboxLifecycle.evolve(state(id), fact));
            tell(id, fact);
            if (fact instanceof SandboxFact.StopIntended) {
                stopped.add(id);
            }
        }
        for (SandboxEffect effect : decision.effects()) {
            boundary();
            start(id, effect);
        }
        boundary();
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    private void tell(String id, Object what) {
        if (telling) {
            story.add(now + " " + id + " " + what);
        }
    }

    private void boundary() {
        if (--boundariesToDeath == 0) {
            throw new Death();
        }
    }

    private void start(String id, SandboxEffect effect) {
        switch (effect) {
            case SandboxEffect.CreateVm(var sandbox) -> create(id, sandbox.token());
            case SandboxEffect.RetryLater(var delay) ->
                later(id, delay.toMillis(), () -> handle(id, new SandboxEvent.RetryDue()));
            case SandboxEffect.AwaitLanding(var token) -> awaitLanding(id, token, now + SimulatedCloud.LANDING_WINDOW);
            case SandboxEffect.Connect _ -> connect(id);
            case SandboxEffect.WatchGuest _ -> watch(id);
            case SandboxEffect.DeleteVm(var token, int attempt, var delay) ->
                later(id, delay.toMillis() + latency(), () -> handle(id, cloud.delete(token, attempt, now)));
            case SandboxEffect.Release(var _, var _, int attempt, var delay) -> release(id, attempt, delay.toMillis());
            case SandboxEffect.Forget _ -> {
                require(journals.remove(id) != null, "the journal is removed once");
                states.remove(id);
                gone.add(id);
            }
        }
    }

    private void create(String id, LaunchToken token) {
        require(!stopped.contains(id), "no create once a stop is intended");
        require(creating.put(token, life) == null, "one create call at a time");
        later(id, latency() * 10, () -> {
            creating.remove(token);
            handle(id, cloud.create(token, now));
        });
    }

    private void awaitLanding(String id, LaunchToken token, long deadline) {
        Optional<PodVm> found = cloud.find(token);
        if (found.isPresent()) {
            later(id, 0, () -> handle(id, new SandboxEvent.VmFound(found.get())));
        } else if (now > deadline) {
            later(id, 0, () -> handle(id, new SandboxEvent.NothingLanded()));
        } else {
            later(id, 500, () -> awaitLanding(id, token, deadline));
        }
    }

    private void connect(String id) {
        boolean reached = honest || random.nextInt(4) > 0;
        attached(
                id,
                latency() * 5,
                reached ? new SandboxEvent.GuestReady() : new SandboxEvent.ConnectFailed(Samples.TROUBLE));
    }

    private void watch(String id) {
        if (!honest && random.nextInt(3) == 0) {
            boolean lost = random.nextBoolean();
            attached(
                    id,
                    latency() * 20,
                    lost ? new SandboxEvent.GuestLost(Samples.TROUBLE) : new SandboxEvent.Orphaned(Samples.TROUBLE));
        }
    }

    private void attached(String id, long delay, SandboxEvent event) {
        int attachment = attachments.merge(id, 1, Integer::sum);
        later(id, delay, () -> {
            if (attachments.getOrDefault(id, 0) == attachment) {
                handle(id, event);
            }
        });
    }

    private void release(String id, int attempt, long delay) {
        attachments.merge(id, 1, Integer::sum);
        boolean done = honest || random.nextInt(4) > 0;
        later(
                id,
                delay + latency(),
                () -> handle(
                        id,
                        done ? new SandboxEvent.Released() : new SandboxEvent.ReleaseFailed(attempt, Samples.TROUBLE)));
    }

    private void later(String id, long delay, Runnable work) {
        tasks.add(new Task(now + delay, number++, life, id, work));
    }

    private long latency() {
        return 1 + random.nextLong(50);
    }

    /** No VM, landed or on its way, without a journal that still answers for it. */
    private void verify() {
        for (LaunchToken token : cloud.tokens()) {
            if (!journals.containsKey(token.sandboxId())) {
                throw new AssertionError("a VM of " + token + " without a journal");
            }
        }
    }

    boolean nothingLeft() {
        return journals.isEmpty() && cloud.tokens().isEmpty();
    }

    List<String> known() {
        return List.copyOf(journals.keySet());
    }
}
