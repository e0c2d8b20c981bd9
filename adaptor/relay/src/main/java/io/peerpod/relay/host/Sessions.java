// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.DialStep;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.RelayBuild;
import io.peerpod.relay.RelayControl;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.RelayInfo;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus;
import io.peerpod.relay.SessionStatus.State;
import io.peerpod.relay.Wire;
import io.peerpod.relay.handover.HeldSession;
import io.peerpod.relay.session.SessionLimits;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;

/** The relay itself, without its control socket. */
public final class Sessions implements RelayControl {
    private static final int MAX_LOOPS = 4;

    /** Shims, VMs and nodes are finite; a mistake in the daemon is not. */
    private static final int MAX_SESSIONS = 4096;

    /** For an event loop to end the event that it is in, and for a session to bind its socket. */
    private static final Duration STAND_STILL_LIMIT = Duration.ofMillis(500);

    private final List<EventLoop> loops;
    private final ContainerEdit containerEdit;
    private final SessionLimits limits;
    private final Map<String, Session> sessions = new ConcurrentHashMap<>();
    private final ReentrantLock opening = new ReentrantLock();
    private final AtomicInteger nextLoop = new AtomicInteger();

    private Sessions(List<EventLoop> loops, ContainerEdit containerEdit, SessionLimits limits) {
        this.limits = limits;
        this.loops = loops;
        this.containerEdit = containerEdit;
    }

    /** A relay with as many event loops as there are processors, within reason. */
    public static Sessions start() throws IOException {
        return start(SessionLimits.RELAY);
    }

    /** The same with other times for resumable sessions; no patience at all switches them off. */
    public static Sessions start(SessionLimits limits) throws IOException {
        return start(new CreateContainerEdit(CreateContainerEdit.DIRECT_VOLUMES), limits);
    }

    static Sessions start(ContainerEdit containerEdit) throws IOException {
        return start(containerEdit, SessionLimits.RELAY);
    }

    static Sessions start(ContainerEdit containerEdit, SessionLimits limits) throws IOException {
        List<EventLoop> loops = new ArrayList<>();
        int count = Math.min(MAX_LOOPS, Runtime.getRuntime().availableProcessors());
        for (int i = 0; i < count; i++) {
            loops.add(EventLoop.start("relay-" + i));
        }
        return new Sessions(loops, containerEdit, limits);
    }

    @Override
    public RelayInfo info() {
        String version = Sessions.class.getPackage().getImplementationVersion();
        return new RelayInfo(
                ProcessHandle.current().pid(),
                version == null ? "development" : version,
                sessions.size(),
                RelayBuild.current(),
                RelayInfo.PROTOCOL,
                obstacle());
    }

    @Override
    public void open(SessionSpec spec, Duration budget) throws RelayException, InterruptedException {
        open(spec, budget, _ -> {});
    }

    @Override
    public void open(SessionSpec spec, Duration budget, Consumer<DialStep> steps)
            throws RelayException, InterruptedException {
        Session session = joinOrStart(spec, budget);
        try {
            session.opened().get();
            session.steps().forEach(steps);
        } catch (ExecutionException e) {
            session.steps().forEach(steps);
            sessions.remove(spec.sandboxId(), session);
            if (e.getCause() instanceof RelayException failure) {
                throw failure;
            }
            throw new RelayException(
                    Failure.INTERNAL, "opening sandbox " + spec.sandboxId() + " failed: " + e.getCause(), e);
        }
    }

    private Session joinOrStart(SessionSpec spec, Duration budget) throws RelayException {
        opening.lock();
        try {
            Session present = sessions.get(spec.sandboxId());
            if (present != null && !present.opened().isCompletedExceptionally()) {
                if (!present.spec().equals(spec)) {
                    throw new RelayException(
                            Failure.CONFLICT,
                            "sandbox " + spec.sandboxId()
                                    + " has a session already, with another address, socket or certificate; close it first");
                }
                SessionStatus status = present.status();
                if (status.ended()) {
                    throw new RelayException(
                            Failure.CONFLICT,
                            "the session of sandbox " + spec.sandboxId() + " was lost ("
                                    + status.reason().orElse("closed") + "); it cannot be opened again, only closed");
                }
                return present;
            }
            if (sessions.size() >= MAX_SESSIONS) {
                throw new RelayException(Failure.INTERNAL, "the relay holds " + MAX_SESSIONS + " sessions, its limit");
            }
            EventLoop loop = loops.get(Math.floorMod(nextLoop.getAndIncrement(), loops.size()));
            Session session =
                    new Session(spec, loop, containerEdit, limits, failed -> sessions.remove(failed.id(), failed));
            sessions.put(spec.sandboxId(), session);
            session.start(budget);
            return session;
        } finally {
            opening.unlock();
        }
    }

    @Override
    public void close(String sandboxId) {
        Session session = sessions.get(sandboxId);
        if (session != null) {
            session.close();
            sessions.remove(sandboxId, session);
        }
    }

    @Override
    public List<SessionStatus> list() {
        return sessions.values().stream()
                .map(Session::status)
                .sorted(Comparator.comparing(SessionStatus::sandboxId))
                .toList();
    }

    @Override
    public SessionStatus awaitEnd(String sandboxId) throws InterruptedException {
        return await(sandboxId, Session::ended);
    }

    @Override
    public SessionStatus awaitTrouble(String sandboxId) throws InterruptedException {
        return await(sandboxId, Session::troubled);
    }

    private SessionStatus await(String sandboxId, Function<Session, CompletableFuture<SessionStatus>> event)
            throws InterruptedException {
        Session session = sessions.get(sandboxId);
        if (session == null) {
            return new SessionStatus(sandboxId, State.CLOSED, Optional.empty(), 0, Optional.empty());
        }
        try {
            return event.apply(session).get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("a session's end cannot fail", e);
        }
    }

    /** Why none of this could change processes now, a sentence; empty: it could. */
    Optional<String> obstacle() {
        for (Session session : sessions.values()) {
            CompletableFuture<Optional<String>> answer = new CompletableFuture<>();
            session.loop().execute(() -> answer.complete(HeldSessions.obstacle(session)));
            Optional<String> why = answer.join();
            if (why.isPresent()) {
                return why;
            }
        }
        return Optional.empty();
    }

    /** What is done while everything stands still. */
    interface StandStill {
        void run(List<Session> standing) throws IOException;
    }

    /**
     * Keeps every event loop from its next event, and every session from beginning or ending, as long as the work takes; then everything goes on as if nothing had happened. A loop is stopped between
     * two events, so that what it knows is consistent.
     */
    void standStill(StandStill work) throws IOException {
        opening.lock();
        CountDownLatch standing = new CountDownLatch(loops.size());
        CountDownLatch over = new CountDownLatch(1);
        try {
            awaitBound();
            for (EventLoop loop : loops) {
                loop.execute(() -> {
                    standing.countDown();
                    awaitUninterruptibly(over);
                });
            }
            if (!standing.await(STAND_STILL_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException(
                        "an event loop did not stand still within " + STAND_STILL_LIMIT.toMillis() + " ms");
            }
            work.run(sessions.values().stream()
                    .filter(session -> session.status().state() != State.CLOSED)
                    .toList());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            over.countDown();
            opening.unlock();
        }
    }

    private void awaitBound() throws InterruptedException {
        long deadline = System.nanoTime() + STAND_STILL_LIMIT.toNanos();
        while (sessions.values().stream().anyMatch(Session::binding) && System.nanoTime() < deadline) {
            Thread.sleep(1);
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        while (true) {
            try {
                latch.await();
                return;
            } catch (InterruptedException _) {
                // A loop has no other use for an interruption.
            }
        }
    }

    /** Sessions that came from a predecessor and do nothing yet. */
    final class Adopted {
        private final Map<Session, CompletableFuture<Session.Parts>> parts = new LinkedHashMap<>();
        private final DialledAhead dialledAhead;

        private Adopted(DialledAhead dialledAhead) {
            this.dialledAhead = dialledAhead;
        }

        /** Takes one over, on its loop; {@link #complete} waits for all. */
        void add(HeldSession held, List<Integer> descriptors) {
            SessionSpec spec = Wire.toSpec(held.getSpec());
            EventLoop loop = loops.get(Math.floorMod(nextLoop.getAndIncrement(), loops.size()));
            Session session =
                    new Session(spec, loop, containerEdit, limits, failed -> sessions.remove(failed.id(), failed));
            CompletableFuture<Session.Parts> done = new CompletableFuture<>();
            parts.put(session, done);
            loop.execute(() -> {
                try {
                    done.complete(HeldSessions.restore(session, held, descriptors, dialledAhead));
                } catch (IOException | RelayException | RuntimeException e) {
                    done.completeExceptionally(e);
                }
            });
        }

        /** Waits until all of them stand, and says how many they are. */
        int complete() throws IOException {
            for (Map.Entry<Session, CompletableFuture<Session.Parts>> each : parts.entrySet()) {
                try {
                    each.getValue().get();
                } catch (ExecutionException e) {
                    throw new IOException(
                            "sandbox " + each.getKey().id() + " cannot be taken over: " + e.getCause(), e);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new IOException("interrupted", e);
                }
            }
            return parts.size();
        }

        /** Lets all of them go on. */
        void begin() {
            parts.keySet().forEach(session -> sessions.put(session.id(), session));
            parts.forEach((session, each) -> session.loop().execute(() -> session.begin(each.join())));
            dialledAhead.close();
        }
    }

    /** Gets ready for the sessions of a predecessor that goes on meanwhile. */
    DialledAhead dialAhead(List<SessionStatus> known) throws InterruptedException {
        return DialledAhead.prepare(known, loops.getFirst());
    }

    /** For the sessions of a predecessor. */
    Adopted adopted(DialledAhead dialledAhead) {
        return new Adopted(dialledAhead);
    }

    /** Ends without ending the sessions: another process, or another instance, goes on with their sockets. */
    void abandon() {
        loops.forEach(EventLoop::abandon);
    }

    @Override
    public void close() {
        sessions.keySet().forEach(this::close);
        loops.forEach(EventLoop::close);
    }
}
