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

    /** The same at most when a known pod VM is dialled again: a whole node may be cut off, with all of its sessions. */
    private static final long MAX_REDIAL_OVERLAP_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final int OVERLAP_PART = 10;

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
    private final boolean resumable;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Set<DialAttempt> running = ConcurrentHashMap.newKeySet();
    private volatile @Nullable InetAddress answering;
    private volatile @Nullable DialFailure lastFailure;
    private int attempts;
    /** When each step was made for the first time. */
    private final Map<DialStep.Kind, Instant> steps = new ConcurrentHashMap<>();

    /** What an attempt does beyond TLS, on a thread of its own; what it does not return it closes. */
    interface Finish {
        /** Whether a session is offered on the connection. */
        boolean resumable();

        /** Makes of the connection what is wanted. */
        Dialled finish(DialAttempt attempt, Upstream connected, InetAddress address, long nanosLeft) throws IOException;
    }

    private static final Finish REDIAL = new Finish() {
        @Override
        public boolean resumable() {
            return true;
        }

        @Override
        public Dialled finish(DialAttempt attempt, Upstream connected, InetAddress address, long nanosLeft) {
            return new Dialled(connected, Optional.empty());
        }
    };

    /** What attempts report. */
    private sealed interface Event {
        record Reached(Target target) implements Event {}

        record Failed(Target target, DialFailure failure, boolean beyondTcp) implements Event {}

        record Succeeded(Target target, Dialled dialled) implements Event {}
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

    /** @param resumable whether sessions are offered */
    Dialer(SessionSpec spec, Optional<TlsIdentity> identity, EventLoop timers, boolean resumable) {
        this.resumable = resumable;
        this.spec = spec;
        this.identity = identity;
        this.timers = timers;
    }

    /** A dialler for another attempt at the same pod VM, beginning with the address that answered this one. */
    Dialer again() {
        Dialer other = new Dialer(spec, identity, timers, resumable);
        other.answering = answering;
        return other;
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
    Dialled dial(Duration budget) throws RelayException, InterruptedException {
        return dial(new FirstContact(spec, identity, timers, resumable, this::made), OVERLAP_NANOS, budget);
    }

    /**
     * Dials until a connection stands; the agent is not asked.
     *
     * @return a connection that nothing was sent on yet
     */
    Dialled redial(Duration budget) throws RelayException, InterruptedException {
        return dial(REDIAL, MAX_REDIAL_OVERLAP_NANOS, budget);
    }

    private Dialled dial(Finish finish, long maxOverlapNanos, Duration budget)
            throws RelayException, InterruptedException {
        long started = System.nanoTime();
        long deadline = started + budget.toNanos();
        List<Target> targets = new ArrayList<>();
        for (InetAddress address : preferred()) {
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
                        startAttempt(target, finish, deadline, budget);
                        target.nextNanos =
                                now + Math.clamp((now - started) / OVERLAP_PART, OVERLAP_NANOS, maxOverlapNanos);
                    }
                    next = Math.min(next, target.nextNanos);
                }
                Event event = events.poll(next - now, TimeUnit.NANOSECONDS);
                if (event instanceof Event.Succeeded(Target target, Dialled dialled)) {
                    answering = target.address;
                    return dialled;
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

    private List<InetAddress> preferred() {
        List<InetAddress> addresses = new ArrayList<>(spec.addresses());
        InetAddress known = answering;
        if (known != null && addresses.remove(known)) {
            addresses.addFirst(known);
        }
        return addresses;
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
            case Event.Succeeded late -> late.dialled().close();
        }
    }

    private void drop() {
        for (Event event = events.poll(); event != null; event = events.poll()) {
            if (event instanceof Event.Succeeded late) {
                late.dialled().close();
            }
        }
    }

    private void startAttempt(Target target, Finish finish, long deadline, Duration budget) {
        if (target.beyondTcp >= MAX_BEYOND_TCP) {
            return;
        }
        attempts++;
        made(DialStep.Kind.FIRST_DIAL);
        DialAttempt attempt = new DialAttempt(spec, identity, timers);
        running.add(attempt);
        Thread.ofVirtual().name("dial " + spec.sandboxId()).start(() -> run(attempt, target, finish, deadline, budget));
    }

    private void run(DialAttempt attempt, Target target, Finish finish, long deadline, Duration budget) {
        boolean[] reached = {false};
        Event outcome;
        try {
            Upstream connected = attempt.connect(target.address, finish.resumable(), () -> {
                reached[0] = true;
                made(DialStep.Kind.PORT_OPEN);
                events.add(new Event.Reached(target));
            });
            long left = Math.max(1, deadline - System.nanoTime());
            outcome = new Event.Succeeded(target, finish.finish(attempt, connected, target.address, left));
        } catch (NotReadyException e) {
            outcome = new Event.Failed(target, DialFailure.notReady(String.valueOf(e.getMessage())), true);
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
                late.dialled().close();
            }
            return;
        }
        events.add(outcome);
        if (attempt.cancelled()) {
            drop(); // The dialling thread may have left in between and will not look again.
        }
    }

    /** Blocking code on a connection that is closed under it when it takes as long as a handshake may not. */
    <T extends @Nullable Object> T limited(Upstream upstream, DialAttempt.Step<T> step) throws IOException {
        EventLoop.Timer timer = timers.after(HANDSHAKE_TIMEOUT, upstream::close);
        try {
            return step.run();
        } finally {
            timer.cancel();
        }
    }

    /** Another connection for a session that is ready, to the address that answered. */
    Dialled further(Duration budget) throws RelayException, InterruptedException {
        InetAddress address = answering;
        if (address == null) {
            throw new RelayException(Failure.INTERNAL, "sandbox " + spec.sandboxId() + " has not been dialled yet");
        }
        DialAttempt attempt = new DialAttempt(spec, identity, timers);
        try {
            return attempt.limited(budget, () -> attempt.connectForShim(address, resumable));
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
