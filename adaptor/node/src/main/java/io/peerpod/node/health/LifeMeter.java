// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.health;

import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.LifeObserver;
import io.peerpod.node.recorder.Spent;
import io.peerpod.sandbox.SandboxState;
import io.peerpod.sandbox.StopCause;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Turns the steps of sandboxes into metrics. What began before this daemon did is not measured. */
public final class LifeMeter implements LifeObserver {
    private final Metrics metrics;
    private final Clock clock;
    private final Map<String, Life> lives = new ConcurrentHashMap<>();

    public LifeMeter(Metrics metrics, Clock clock) {
        this.metrics = metrics;
        this.clock = clock;
    }

    /** When the stages that a sandbox is in began. */
    private static final class Life {
        private final Map<Spent, Instant> since = new EnumMap<>(Spent.class);
        private Instant launched = Instant.MAX;
    }

    @Override
    public void moved(String sandboxId, SandboxState before, SandboxState after) {
        Instant now = clock.instant();
        boolean fresh = before instanceof SandboxState.Absent;
        Life life = fresh ? lives.computeIfAbsent(sandboxId, _ -> new Life()) : lives.get(sandboxId);
        outcome(before, after);
        if (life == null) {
            return;
        }
        synchronized (life) {
            stages(life, before, after, now);
        }
        if (after instanceof SandboxState.Gone) {
            lives.remove(sandboxId);
        }
    }

    private void outcome(SandboxState before, SandboxState after) {
        if (after instanceof SandboxState.Ready && !(before instanceof SandboxState.Ready)) {
            metrics.starts.increment("ready");
        }
        if (after instanceof SandboxState.Gone) {
            metrics.ends.increment();
        }
        StopCause cause = switch (after) {
            case SandboxState.Stopping stopping -> stopping.cause();
            case SandboxState.AwaitingLanding awaiting -> awaiting.cause();
            case SandboxState.Absent _,
                    SandboxState.Prepared _,
                    SandboxState.Launching _,
                    SandboxState.Connecting _,
                    SandboxState.Ready _,
                    SandboxState.Gone _ -> null;
        };
        boolean wasUnderWay = before instanceof SandboxState.Stopping || before instanceof SandboxState.AwaitingLanding;
        if (cause == null || wasUnderWay) {
            return;
        }
        metrics.stops.increment(word(cause));
        boolean starting = before instanceof SandboxState.Launching || before instanceof SandboxState.Connecting;
        if (starting) {
            metrics.starts.increment(word(cause));
        }
    }

    private static String word(StopCause cause) {
        return switch (cause) {
            case StopCause.Requested _ -> "requested";
            case StopCause.LaunchFailed _ -> "launch-failed";
            case StopCause.ConnectFailed _ -> "connect-failed";
            case StopCause.GuestLost _ -> "guest-lost";
            case StopCause.Orphaned _ -> "orphaned";
        };
    }

    private void stages(Life life, SandboxState before, SandboxState after, Instant now) {
        if (after instanceof SandboxState.Stopping stopping && before instanceof SandboxState.Stopping) {
            if (stopping.vmGone()) {
                end(life, Spent.CLOUD_DELETE, now);
            }
            if (stopping.released()) {
                end(life, Spent.RELEASE, now);
            }
            return;
        }
        Map.copyOf(life.since).keySet().forEach(spent -> end(life, spent, now));
        switch (after) {
            case SandboxState.Prepared _ -> life.since.put(Spent.WAIT_FOR_START, now);
            case SandboxState.Launching launching -> {
                life.launched = life.launched.equals(Instant.MAX) ? now : life.launched;
                life.since.put(launching.calling() ? Spent.CLOUD_CREATE : Spent.RETRY_PAUSE, now);
            }
            case SandboxState.Connecting _ -> life.since.put(Spent.GUEST_BOOT, now);
            case SandboxState.Ready _ -> {
                life.since.put(Spent.RUNNING, now);
                if (!life.launched.equals(Instant.MAX)) {
                    metrics.startSeconds.observe(nanos(life.launched, now));
                }
            }
            case SandboxState.AwaitingLanding _ -> life.since.put(Spent.LANDING, now);
            case SandboxState.Stopping stopping -> {
                if (!stopping.vmGone()) {
                    life.since.put(Spent.CLOUD_DELETE, now);
                }
                life.since.put(Spent.RELEASE, now);
            }
            case SandboxState.Absent _, SandboxState.Gone _ -> {}
        }
    }

    private void end(Life life, Spent spent, Instant now) {
        Instant from = life.since.remove(spent);
        if (from != null) {
            metrics.stageSeconds.observe(nanos(from, now), spent.label());
        }
    }

    private static long nanos(Instant from, Instant to) {
        return Math.max(0, Duration.between(from, to).toNanos());
    }

    @Override
    public void noted(String sandboxId, Note note) {
        Life life = lives.get(sandboxId);
        if (life == null || note.failure().isPresent()) {
            return;
        }
        Instant at = note.at().orElseGet(clock::instant);
        synchronized (life) {
            if (note.stage() == Stage.PORT_OPEN) {
                follow(life, Spent.GUEST_BOOT, Spent.TLS, at);
            } else if (note.stage() == Stage.TLS_DONE) {
                follow(life, Spent.TLS, Spent.AGENT, at);
            } else if (note.stage() == Stage.TUNNEL_UP) {
                note.took().ifPresent(took -> metrics.stageSeconds.observe(took.toNanos(), Spent.TUNNEL.label()));
            }
        }
    }

    private void follow(Life life, Spent ended, Spent begun, Instant at) {
        if (life.since.containsKey(ended)) {
            end(life, ended, at);
            life.since.put(begun, at);
        }
    }
}
