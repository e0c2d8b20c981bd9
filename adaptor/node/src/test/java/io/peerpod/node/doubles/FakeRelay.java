// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.doubles;

import io.peerpod.relay.RelayControl;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.RelayInfo;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A relay in memory that outlives the daemons which use it. */
public final class FakeRelay implements RelayControl {
    private final Map<String, SessionStatus> sessions = new HashMap<>();
    private final Map<String, SessionSpec> specs = new HashMap<>();
    /** What the next opens fail with. */
    public volatile @Nullable RelayException refusal;
    /** Whether opens wait until {@link #answer}. */
    public volatile boolean silent;
    /** What the next closes fail with. */
    public volatile int failingCloses;

    /** Whether the next open, close and wait each end in a defect. */
    public final Set<String> defects = ConcurrentHashMap.newKeySet();

    public volatile int connections = 1;
    public final AtomicInteger opens = new AtomicInteger();

    @Override
    public RelayInfo info() {
        return new RelayInfo(
                1,
                "fake",
                sessions.size(),
                io.peerpod.relay.RelayBuild.current(),
                RelayInfo.PROTOCOL,
                java.util.Optional.empty());
    }

    @Override
    public synchronized void open(SessionSpec spec, Duration budget) throws RelayException, InterruptedException {
        opens.incrementAndGet();
        defect("open");
        specs.put(spec.sandboxId(), spec);
        long deadline = System.nanoTime() + budget.toNanos();
        while (silent) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new RelayException(Failure.UNREACHABLE, "connection refused by " + spec.addresses());
            }
            if (!specs.containsKey(spec.sandboxId())) {
                throw new RelayException(Failure.CLOSED, "closed while it was opening");
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        RelayException refused = refusal;
        if (refused != null) {
            throw refused;
        }
        put(spec.sandboxId(), SessionStatus.State.READY, Optional.empty());
    }

    private void defect(String call) {
        if (defects.remove(call)) {
            throw new IllegalStateException("a defect in " + call);
        }
    }

    /** The guests answer from now on. */
    public synchronized void answer() {
        silent = false;
        notifyAll();
    }

    /** The guest of a sandbox is gone. */
    public synchronized void lose(String sandboxId, String reason) {
        put(sandboxId, SessionStatus.State.LOST, Optional.of(reason));
    }

    private void put(String sandboxId, SessionStatus.State state, Optional<String> reason) {
        sessions.put(
                sandboxId,
                new SessionStatus(sandboxId, state, reason, connections, Optional.ofNullable(specs.get(sandboxId))));
        notifyAll();
    }

    @Override
    public synchronized void close(String sandboxId) throws RelayException {
        defect("close");
        if (failingCloses > 0) {
            failingCloses--;
            throw new RelayException(Failure.RELAY_GONE, "the relay is away");
        }
        specs.remove(sandboxId);
        sessions.remove(sandboxId);
        notifyAll();
    }

    @Override
    public synchronized List<SessionStatus> list() {
        return sessions.values().stream()
                .map(status -> new SessionStatus(
                        status.sandboxId(), status.state(), status.reason(), connections, status.spec()))
                .toList();
    }

    @Override
    public synchronized SessionStatus awaitEnd(String sandboxId) throws InterruptedException {
        defect("awaitEnd");
        while (true) {
            SessionStatus status = sessions.get(sandboxId);
            if (status == null) {
                return new SessionStatus(sandboxId, SessionStatus.State.CLOSED, Optional.empty(), 0, Optional.empty());
            }
            if (status.ended()) {
                return status;
            }
            wait();
        }
    }

    @Override
    public void close() {}
}
