// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.DialStep;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.TlsIdentity;
import io.peerpod.relay.Upstream;
import io.peerpod.relay.host.DialFailure.Stage;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds the moment at which a pod VM's agent answers. Attempts are short and overlap, so that neither the kernel's retransmission intervals nor a back-off decide when a VM that has come up is
 * noticed; all addresses are tried. An attempt has succeeded when Health/Check came back on it and a second connection stands for the shim.
 */
final class Dialer {
    /** A SYN that was dropped is sent again by a new attempt, not by the kernel. */
    static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(1);

    static final Duration HANDSHAKE_TIMEOUT = Duration.ofSeconds(5);

    /** Between two attempts at an address that does not answer at all. */
    private static final long OVERLAP_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** Between two attempts at an address that refuses, at first; grows with the time that has passed. */
    private static final long MIN_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long MAX_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** The gap grows to this part of the time that has passed: a VM is noticed at most one per cent late. */
    private static final int GAP_PART = 100;

    /** While an attempt is beyond TCP, another one starts only after this long. */
    private static final long BEYOND_TCP_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** How much later the other addresses start than the preferred one. */
    private static final long SECOND_ADDRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private static final int MAX_BEYOND_TCP = 4;

    private final SessionSpec spec;
    private final Optional<TlsIdentity> identity;
    private final EventLoop timers;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Set<DialAttempt> running = ConcurrentHashMap.newKeySet();
    private volatile @Nullable InetAddress answering;
    private volatile @Nullable DialFailure lastFailure;
    private int attempts;
    /** When each step was made for the first time. */
    private final Map<DialStep.Kind, Instant> steps = new ConcurrentHashMap<>();

    /** What attempts report. */
    private sealed interface Event {
        record Reached(Target target) implements Event {}

        record Failed(Target target, DialFailure failure, boolean beyondTcp) implements Event {}

        record Succeeded(Target target, Upstream upstream) implements Event {}
    }

    /** One address and when to try it next; touched by the dialling thread only. */
    private static final class Target {
        private final InetAddress address;
        private long nextNanos;
        private int beyondTcp;

        Target(InetAddress address, long nextNanos) {
            this.address = address;
            this.nextNanos = nextNanos;
        }
    }

    Dialer(SessionSpec spec, Optional<TlsIdentity> identity, EventLoop timers) {
        this.spec = spec;
        this.identity = identity;
        this.timers = timers;
    }

    /** The steps that were made so far, in the order of the way. */
    List<DialStep> steps() {
        return steps.entrySet().stream()
                .map(step -> new DialStep(step.getKey(), step.getValue()))
                .sorted(Comparator.comparing(DialStep::kind))
                .toList();
    }

    private void made(DialStep.Kind step) {
        steps.computeIfAbsent(step, _ -> Instant.now());
    }

    /** The address whose agent answered, null before that. */
    @Nullable
    InetAddress answering() {
        return answering;
    }

    /** A predecessor found out which address answers. */
    void answeredBefore(InetAddress address) {
        answering = address;
    }

    /** The last failure in words, empty before the first. */
    String lastFailure() {
        DialFailure last = lastFailure;
        return last == null ? "" : last.words();
    }

    /**
     * Dials until the agent answers.
     *
     * @return a connection that nothing was sent on yet
     */
    Upstream dial(Duration budget) throws RelayException, InterruptedException {
        long started = System.nanoTime();
        long deadline = started + budget.toNanos();
        List<Target> targets = new ArrayList<>();
        for (InetAddress address : spec.addresses()) {
            targets.add(new Target(address, started + targets.size() * SECOND_ADDRESS_NANOS));
        }
        try {
            while (true) {
                long now = System.nanoTime();
                if (now - deadline >= 0) {
                    throw exhausted(budget);
                }
                long next = deadline;
                for (Target target : targets) {
                    if (target.nextNanos - now <= 0) {
                        startAttempt(target, deadline, budget);
                        target.nextNanos = now + OVERLAP_NANOS;
                    }
                    next = Math.min(next, target.nextNanos);
                }
                Event event = events.poll(next - now, TimeUnit.NANOSECONDS);
                if (event instanceof Event.Succeeded(Target target, Upstream upstream)) {
                    answering = target.address;
                    return upstream;
                }
                if (event != null) {
                    heed(event, started);
                }
            }
        } finally {
            running.forEach(DialAttempt::cancel);
            drop();
        }
    }

    private void heed(Event event, long started) {
        long now = System.nanoTime();
        switch (event) {
            case Event.Reached(Target target) -> {
                target.beyondTcp++;
                target.nextNanos = now + BEYOND_TCP_NANOS;
            }
            case Event.Failed(Target target, DialFailure failure, boolean beyondTcp) -> {
                lastFailure = failure;
                if (beyondTcp) {
                    target.beyondTcp--;
                }
                if (target.beyondTcp == 0 && (failure.refused() || beyondTcp)) {
                    long gap = Math.clamp((now - started) / GAP_PART, MIN_GAP_NANOS, MAX_GAP_NANOS);
                    target.nextNanos = now + (beyondTcp ? Math.max(gap, 4 * MIN_GAP_NANOS) : gap);
                }
            }
            case Event.Succeeded late -> late.upstream().close();
        }
    }

    private void drop() {
        for (Event event = events.poll(); event != null; event = events.poll()) {
            if (event instanceof Event.Succeeded late) {
                late.upstream().close();
            }
        }
    }

    private void startAttempt(Target target, long deadline, Duration budget) {
        if (target.beyondTcp >= MAX_BEYOND_TCP) {
            return;
        }
        attempts++;
        made(DialStep.Kind.FIRST_DIAL);
        DialAttempt attempt = new DialAttempt(spec, identity, timers);
        running.add(attempt);
        Thread.ofVirtual().name("dial " + spec.sandboxId()).start(() -> run(attempt, target, deadline, budget));
    }

    private void run(DialAttempt attempt, Target target, long deadline, Duration budget) {
        boolean[] reached = {false};
        Event outcome;
        try (Upstream probe = attempt.connect(target.address, () -> {
            reached[0] = true;
            made(DialStep.Kind.PORT_OPEN);
            events.add(new Event.Reached(target));
        })) {
            attempt.probing();
            made(DialStep.Kind.TLS_DONE);
            CompletableFuture<Upstream> fresh = second(target.address);
            long left = Math.max(1, deadline - System.nanoTime());
            Optional<String> refusal = refusal(attempt, probe, left, fresh);
            if (refusal.isPresent()) {
                outcome = new Event.Failed(target, DialFailure.notReady(refusal.get()), true);
            } else {
                made(DialStep.Kind.AGENT_ANSWERED);
                outcome = new Event.Succeeded(target, taken(fresh));
            }
        } catch (IOException | RuntimeException e) {
            DialFailure failure = attempt.timedOut()
                    ? DialFailure.timeout(
                            attempt.stage(),
                            (attempt.stage() == Stage.HANDSHAKE ? HANDSHAKE_TIMEOUT : budget).toMillis())
                    : DialFailure.of(attempt.stage(), e);
            outcome = new Event.Failed(target, failure, reached[0]);
        }
        running.remove(attempt);
        if (attempt.cancelled()) {
            if (outcome instanceof Event.Succeeded late) {
                late.upstream().close();
            }
            return;
        }
        events.add(outcome);
        if (attempt.cancelled()) {
            drop(); // The dialling thread may have left in between and will not look again.
        }
    }

    private static Optional<String> refusal(
            DialAttempt attempt, Upstream probe, long nanosLeft, CompletableFuture<Upstream> fresh) throws IOException {
        try {
            Optional<String> refusal =
                    attempt.limited(Duration.ofNanos(nanosLeft), () -> HealthProbe.check(probe, nanosLeft));
            if (refusal.isPresent()) {
                discard(fresh);
            }
            return refusal;
        } catch (IOException | RuntimeException e) {
            discard(fresh);
            throw e;
        }
    }

    /** The shim's own connection, made while the probe is under way. */
    private CompletableFuture<Upstream> second(InetAddress address) {
        CompletableFuture<Upstream> connected = new CompletableFuture<>();
        Thread.ofVirtual().name("dial " + spec.sandboxId()).start(() -> {
            try {
                connected.complete(new DialAttempt(spec, identity, timers).connect(address, () -> {}));
            } catch (IOException | RuntimeException e) {
                connected.completeExceptionally(e);
            }
        });
        return connected;
    }

    private static void discard(CompletableFuture<Upstream> connected) {
        CompletableFuture<Void> _ = connected.thenAccept(Upstream::close);
    }

    private static Upstream taken(CompletableFuture<Upstream> connected) throws IOException {
        return switch (connected
                .handle((upstream, failure) -> failure == null ? upstream : failure)
                .join()) {
            case Upstream upstream -> upstream;
            case IOException e -> throw e;
            case Throwable e -> throw new IOException("the second connection failed", e);
            default -> throw new IllegalStateException("neither a connection nor a failure");
        };
    }

    /** Another connection for a session that is ready, to the address that answered. */
    Upstream further(Duration budget) throws RelayException, InterruptedException {
        InetAddress address = answering;
        if (address == null) {
            throw new RelayException(Failure.INTERNAL, "sandbox " + spec.sandboxId() + " has not been dialled yet");
        }
        DialAttempt attempt = new DialAttempt(spec, identity, timers);
        try {
            return attempt.limited(budget, () -> attempt.connect(address, () -> {}));
        } catch (IOException e) {
            DialFailure failure = DialFailure.of(attempt.stage(), e);
            throw new RelayException(
                    failure.failure(), address.getHostAddress() + " port " + spec.port() + ": " + failure.words(), e);
        }
    }

    private RelayException exhausted(Duration budget) {
        DialFailure last = lastFailure;
        boolean agentAsked = running.stream().anyMatch(attempt -> attempt.stage() == Stage.PROBE);
        // What a handshake or an agent said before explains more than an attempt that the budget cut short.
        boolean explained = last != null && (last.failure() == Failure.TLS || last.failure() == Failure.AGENT);
        if (agentAsked && !explained) {
            last = DialFailure.timeout(Stage.PROBE, budget.toMillis());
        } else if (last == null) {
            last = DialFailure.timeout(Stage.CONNECT, Math.min(budget.toMillis(), CONNECT_TIMEOUT.toMillis()));
        }
        List<String> addresses =
                spec.addresses().stream().map(InetAddress::getHostAddress).toList();
        return new RelayException(
                last.failure(),
                "the pod VM of sandbox " + spec.sandboxId() + " did not answer on " + String.join(", ", addresses)
                        + " port " + spec.port() + " within " + budget.toMillis() / 1000.0 + " s (" + attempts
                        + " attempts): " + last.words());
    }
}
