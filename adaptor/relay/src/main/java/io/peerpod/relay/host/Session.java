// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.DialStep;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus;
import io.peerpod.relay.SessionStatus.State;
import io.peerpod.relay.TlsIdentity;
import io.peerpod.relay.Upstream;
import io.peerpod.relay.session.SessionLimits;
import io.peerpod.relay.session.SessionState;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One sandbox's socket, tunnel and connections. Opening is blocking code on a virtual thread of its own; from then on everything happens on one event loop. States only move forward:
 * connecting, ready, lost, closed.
 */
final class Session {
    private static final Logger log = LoggerFactory.getLogger(Session.class);

    /** Connections on one agent socket; shims open one or two. */
    static final int MAX_SHIM_CONNECTIONS = 32;

    /** A connection that is gone this long is more than a reset on the way: the daemon looks whether the VM is still there. */
    private static final Duration TROUBLE_AFTER = Duration.ofSeconds(1);

    private static final Duration FURTHER_UPSTREAM_BUDGET = Duration.ofSeconds(10);

    private final SessionSpec spec;
    private final EventLoop loop;
    private final ContainerEdit containerEdit;
    private final SessionLimits sessionLimits;
    private final Consumer<Session> openingFailed;
    private final CompletableFuture<Void> opened = new CompletableFuture<>();
    private final CompletableFuture<SessionStatus> ended = new CompletableFuture<>();
    private volatile CompletableFuture<@Nullable Void> interrupted = new CompletableFuture<>();
    private final Set<ShimConnection> shims = new LinkedHashSet<>();
    private volatile @Nullable ShimListener listener;
    private @Nullable UpstreamConnection prepared;
    private @Nullable ShimConnection primary;
    /** The connection whose loss ends the session. */
    private volatile @Nullable UpstreamConnection decisive;

    private volatile @Nullable Dialer dialer;
    private volatile @Nullable Thread opening;
    private volatile State state = State.CONNECTING;
    private volatile String reason = "";
    private volatile int shimCount;
    private volatile long openingDeadlineNanos;
    private @Nullable Upstream ahead;

    Session(
            SessionSpec spec,
            EventLoop loop,
            ContainerEdit containerEdit,
            SessionLimits sessionLimits,
            Consumer<Session> openingFailed) {
        this.sessionLimits = sessionLimits;
        this.openingFailed = openingFailed;
        this.spec = spec;
        this.loop = loop;
        this.containerEdit = containerEdit;
    }

    String id() {
        return spec.sandboxId();
    }

    SessionSpec spec() {
        return spec;
    }

    EventLoop loop() {
        return loop;
    }

    ContainerEdit containerEdit() {
        return containerEdit;
    }

    SessionLimits sessionLimits() {
        return sessionLimits;
    }

    /** An attempt to go on with a session that lost its connection. */
    Reconnection reconnection(SessionState lost) {
        Dialer known = dialer;
        if (known == null) {
            throw new IllegalStateException("sandbox " + id() + " was never dialled");
        }
        Upstream ready = ahead;
        ahead = null;
        return new Reconnection(known.again(), lost, ready);
    }

    /** Completes when the session is ready, or exceptionally with the {@link RelayException} that says why it will not be. */
    CompletableFuture<Void> opened() {
        return opened;
    }

    /** Completes when the session is lost or closed. */
    CompletableFuture<SessionStatus> ended() {
        return ended;
    }

    /** Completes when the session has been without a connection for a while, or is lost or closed. */
    CompletableFuture<SessionStatus> troubled() {
        return CompletableFuture.anyOf(ended, interrupted).thenApply(_ -> status());
    }

    /** A connection is gone and being dialled again. */
    void interrupted(UpstreamConnection upstream) {
        loop.after(TROUBLE_AFTER, () -> {
            if (upstream == decisive && !upstream.interruption().isEmpty()) {
                interrupted.complete(null);
            }
        });
    }

    /** A connection stands again. */
    void goesOn(UpstreamConnection upstream) {
        if (upstream == decisive && interrupted.isDone()) {
            interrupted = new CompletableFuture<>();
        }
    }

    SessionStatus status() {
        State present = state;
        Dialer dialling = dialer;
        String why = switch (present) {
            case CONNECTING -> dialling == null ? "" : dialling.lastFailure();
            case READY -> interruption();
            case LOST, CLOSED -> reason;
        };
        return new SessionStatus(
                id(), present, why.isEmpty() ? Optional.empty() : Optional.of(why), shimCount, Optional.of(spec));
    }

    private String interruption() {
        UpstreamConnection deciding = decisive;
        return deciding == null ? "" : deciding.interruption();
    }

    /** Starts to open it; whoever waits does so on {@link #opened}. */
    void start(Duration budget) {
        openingDeadlineNanos = System.nanoTime() + budget.toNanos();
        Thread thread = Thread.ofVirtual().name("open " + id()).unstarted(() -> open(budget));
        opening = thread;
        thread.start();
    }

    /** The steps of the way to the guest that were made so far. */
    List<DialStep> steps() {
        Dialer dialling = dialer;
        return dialling == null ? List.of() : dialling.steps();
    }

    private void open(Duration budget) {
        long started = System.nanoTime();
        try {
            ShimListener present = listener;
            ShimListener bound = present == null ? ShimListener.bind(this) : present;
            listener = bound;
            Optional<TlsIdentity> identity = identity();
            identity.ifPresent(known -> Thread.ofVirtual().name("tls rehearsal").start(known::rehearse));
            Dialer dialling =
                    new Dialer(spec, identity, loop, !sessionLimits.patience().isZero());
            dialer = dialling;
            Dialled dialled = dialling.dial(budget);
            onLoop(() -> {
                if (state != State.CONNECTING) {
                    dialled.close();
                    throw closedMeanwhile();
                }
                UpstreamConnection first = UpstreamConnection.adopt(this, dialled);
                prepared = first;
                decisive = first;
                bound.register();
                state = State.READY;
            });
            opening = null;
            log.atInfo()
                    .addKeyValue("sandbox", id())
                    .addKeyValue("took", Duration.ofNanos(System.nanoTime() - started))
                    .log("the agent answers through the tunnel");
            opened.complete(null);
        } catch (RelayException e) {
            fail(e);
        } catch (InterruptedException e) {
            fail(closedMeanwhile());
        } catch (IOException e) {
            fail(
                    state != State.CONNECTING
                            ? closedMeanwhile()
                            : new RelayException(
                                    Failure.BAD_SPEC, "cannot serve " + spec.socket() + ": " + e.getMessage(), e));
        } catch (RuntimeException e) {
            log.atError().addKeyValue("sandbox", id()).setCause(e).log("a session could not be opened");
            fail(new RelayException(Failure.INTERNAL, "the relay failed to open sandbox " + id() + ": " + e, e));
        }
    }

    private Optional<TlsIdentity> identity() throws RelayException {
        return identity(DialledAhead.nothing());
    }

    private Optional<TlsIdentity> identity(DialledAhead known) throws RelayException {
        try {
            return known.identity(spec);
        } catch (IllegalArgumentException e) {
            throw new RelayException(Failure.BAD_SPEC, "TLS of sandbox " + id() + ": " + e.getMessage(), e);
        }
    }

    private RelayException closedMeanwhile() {
        return new RelayException(Failure.CLOSED, "sandbox " + id() + " was closed while it was opened");
    }

    private void fail(RelayException failure) {
        opening = null;
        close();
        ShimListener bound = listener;
        if (bound != null) {
            // It may have been bound after somebody else closed the session.
            bound.close();
        }
        openingFailed.accept(this);
        opened.completeExceptionally(failure);
    }

    /** A step that runs on the loop and may fail. */
    private interface LoopStep {
        void run() throws IOException, RelayException;
    }

    private void onLoop(LoopStep step) throws RelayException, IOException, InterruptedException {
        CompletableFuture<@Nullable Exception> done = new CompletableFuture<>();
        loop.execute(() -> {
            try {
                step.run();
                done.complete(null);
            } catch (IOException | RelayException | RuntimeException e) {
                done.complete(e);
            }
        });
        // Not interruptible: the step runs in any case, and its outcome decides who owns the connection.
        Exception failure = done.join();
        switch (failure) {
            case null -> {}
            case IOException e -> throw e;
            case RelayException e -> throw e;
            default -> throw new IllegalStateException(failure);
        }
    }

    /** A shim connected; false when there are too many. */
    boolean admit(ShimConnection shim) {
        if (state != State.READY || shims.size() >= MAX_SHIM_CONNECTIONS) {
            return false;
        }
        shims.add(shim);
        shimCount = shims.size();
        return true;
    }

    /** A shim's connection sent its first byte. */
    void wantUpstream(ShimConnection shim) {
        if (primary == null) {
            primary = shim;
        }
        UpstreamConnection ready = prepared;
        if (ready != null) {
            prepared = null;
            shim.attach(ready);
            return;
        }
        Dialer dialling = dialer;
        if (dialling == null) {
            shim.close();
            return;
        }
        Thread.ofVirtual().name("further upstream " + id()).start(() -> {
            try {
                Dialled dialled = dialling.further(FURTHER_UPSTREAM_BUDGET);
                loop.execute(() -> attachFurther(shim, dialled));
            } catch (RelayException | InterruptedException e) {
                log.atWarn()
                        .addKeyValue("sandbox", id())
                        .addKeyValue("failure", e.getMessage())
                        .log("no further connection to the pod VM; the shim's connection is closed");
                loop.execute(() -> {
                    shim.close();
                    shimGone(shim, "no upstream");
                });
            }
        });
    }

    private void attachFurther(ShimConnection shim, Dialled dialled) {
        if (shim.link().isClosed() || state != State.READY) {
            dialled.close();
            return;
        }
        try {
            UpstreamConnection connection = UpstreamConnection.adopt(this, dialled);
            shim.attach(connection);
            if (shim == primary) {
                decisive = connection;
            }
        } catch (IOException e) {
            dialled.close();
            shim.close();
            shimGone(shim, String.valueOf(e.getMessage()));
        }
    }

    void shimGone(ShimConnection shim, String why) {
        if (shims.remove(shim)) {
            shimCount = shims.size();
            log.atInfo()
                    .addKeyValue("sandbox", id())
                    .addKeyValue("failure", why)
                    .log("a shim's connection is gone");
        }
        if (primary == shim) {
            primary = null;
        }
    }

    void upstreamLost(UpstreamConnection upstream, String why) {
        ShimConnection shim = upstream.shim();
        boolean decisive = upstream == prepared || (shim != null && shim == primary);
        boolean destroyed = shim != null && shim.destroyed();
        String what = destroyed ? SessionStatus.DESTROYED + " (" + why + ")" : why;
        if (shim != null) {
            shim.upstreamLost(upstream.midFrame());
            shimGone(shim, what);
        }
        if (decisive) {
            end(State.LOST, destroyed ? what : "connection to the pod VM lost: " + what);
        }
    }

    /**
     * All that a successor process has to know; to be read on the loop, or while it stands still.
     *
     * @param openingBudget what is left of it for a session that is connecting
     */
    record Parts(
            State state,
            String reason,
            @Nullable ShimListener listener,
            @Nullable UpstreamConnection prepared,
            boolean prepareAnew,
            List<ShimConnection> shims,
            @Nullable ShimConnection primary,
            @Nullable InetAddress answering,
            Duration openingBudget) {}

    Parts parts() {
        Dialer dialling = dialer;
        return new Parts(
                state,
                reason,
                state == State.READY || state == State.CONNECTING ? listener : null,
                prepared,
                false,
                List.copyOf(shims),
                primary,
                dialling == null ? null : dialling.answering(),
                Duration.ofNanos(Math.max(0, openingDeadlineNanos - System.nanoTime())));
    }

    /** Whether its socket is about to be bound, which must not happen in two processes. */
    boolean binding() {
        return state == State.CONNECTING && listener == null && !opened.isDone();
    }

    /** Stands where a predecessor's session stood; only on the loop, before anything else. Nothing is read, sent or dialled before {@link #begin}. */
    void restore(Parts parts, DialledAhead dialledAhead) throws RelayException {
        state = parts.state();
        reason = parts.reason();
        listener = parts.listener();
        prepared = parts.prepared();
        shims.addAll(parts.shims());
        shimCount = shims.size();
        primary = parts.primary();
        if (state == State.CONNECTING) {
            return;
        }
        opened.complete(null);
        if (state != State.READY) {
            ended.complete(status());
            return;
        }
        Dialer dialling = new Dialer(
                spec, identity(dialledAhead), loop, !sessionLimits.patience().isZero());
        decisive = prepared == null && primary != null ? primary.upstream() : prepared;
        ahead = dialledAhead.take(id());
        InetAddress address = parts.answering();
        if (address != null) {
            dialling.answeredBefore(address);
        }
        dialer = dialling;
    }

    /** Goes on after {@link #restore}; only on the loop. */
    void begin(Parts parts) {
        try {
            if (state == State.CONNECTING) {
                start(parts.openingBudget());
                return;
            }
            ShimListener bound = listener;
            if (state == State.READY && bound != null) {
                bound.register();
            }
            UpstreamConnection ready = prepared;
            if (ready != null) {
                ready.begin();
            }
            for (ShimConnection shim : List.copyOf(shims)) {
                shim.begin();
            }
            if (parts.prepareAnew()) {
                prepareAnew();
            }
        } catch (IOException e) {
            end(State.LOST, "its sockets could not be used after a hand-over: " + e.getMessage());
        }
    }

    /** The connection that waits for the shim could not change processes, and nothing went through it. */
    private void prepareAnew() {
        Dialer dialling = dialer;
        if (dialling == null) {
            return;
        }
        Thread.ofVirtual().name("upstream " + id()).start(() -> {
            try {
                Dialled dialled = dialling.further(FURTHER_UPSTREAM_BUDGET);
                loop.execute(() -> keepPrepared(dialled));
            } catch (RelayException | InterruptedException e) {
                loop.execute(() -> end(State.LOST, "connection to the pod VM lost: " + e.getMessage()));
            }
        });
    }

    private void keepPrepared(Dialled dialled) {
        if (state != State.READY || prepared != null || primary != null) {
            dialled.close(); // The shim was faster, and has one of its own.
            return;
        }
        try {
            UpstreamConnection anew = UpstreamConnection.adopt(this, dialled);
            prepared = anew;
            decisive = anew;
        } catch (IOException e) {
            dialled.close();
            end(State.LOST, "connection to the pod VM lost: " + e.getMessage());
        }
    }

    /** Ends the session from whatever thread; returns when nothing is left of it. */
    void close() {
        Thread thread = opening;
        if (thread != null && thread != Thread.currentThread()) {
            thread.interrupt();
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        loop.execute(() -> {
            end(State.CLOSED, "");
            done.complete(null);
        });
        done.join();
        if (thread != null && thread != Thread.currentThread()) {
            opened.exceptionally(_ -> null).join();
        }
    }

    private void end(State last, String why) {
        if (state == State.CLOSED || state == last) {
            return;
        }
        if (!why.isEmpty()) {
            log.atWarn()
                    .addKeyValue("sandbox", id())
                    .addKeyValue("failure", why)
                    .log("a session is lost");
            reason = why;
        }
        state = last;
        ShimListener bound = listener;
        if (bound != null) {
            bound.close();
        }
        UpstreamConnection ready = prepared;
        if (ready != null) {
            ready.link().close();
            prepared = null;
        }
        Upstream unused = ahead;
        if (unused != null) {
            unused.close();
            ahead = null;
        }
        for (ShimConnection shim : List.copyOf(shims)) {
            shim.close();
        }
        shims.clear();
        shimCount = 0;
        primary = null;
        ended.complete(status());
    }
}
