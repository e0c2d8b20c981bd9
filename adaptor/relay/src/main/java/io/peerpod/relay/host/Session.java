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

    private static final Duration FURTHER_UPSTREAM_BUDGET = Duration.ofSeconds(10);

    private final SessionSpec spec;
    private final EventLoop loop;
    private final ContainerEdit containerEdit;
    private final Consumer<Session> openingFailed;
    private final CompletableFuture<Void> opened = new CompletableFuture<>();
    private final CompletableFuture<SessionStatus> ended = new CompletableFuture<>();
    private final Set<ShimConnection> shims = new LinkedHashSet<>();
    private volatile @Nullable ShimListener listener;
    private @Nullable UpstreamConnection prepared;
    private @Nullable ShimConnection primary;
    private volatile @Nullable Dialer dialer;
    private volatile @Nullable Thread opening;
    private volatile State state = State.CONNECTING;
    private volatile String reason = "";
    private volatile int shimCount;
    private volatile long openingDeadlineNanos;

    Session(SessionSpec spec, EventLoop loop, ContainerEdit containerEdit, Consumer<Session> openingFailed) {
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

    /** Completes when the session is ready, or exceptionally with the {@link RelayException} that says why it will not be. */
    CompletableFuture<Void> opened() {
        return opened;
    }

    /** Completes when the session is lost or closed. */
    CompletableFuture<SessionStatus> ended() {
        return ended;
    }

    SessionStatus status() {
        State present = state;
        Dialer dialling = dialer;
        String why = present == State.CONNECTING && dialling != null ? dialling.lastFailure() : reason;
        return new SessionStatus(
                id(), present, why.isEmpty() ? Optional.empty() : Optional.of(why), shimCount, Optional.of(spec));
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
            Dialer dialling = new Dialer(spec, identity, loop);
            dialer = dialling;
            Upstream upstream = dialling.dial(budget);
            onLoop(() -> {
                if (state != State.CONNECTING) {
                    upstream.close();
                    throw closedMeanwhile();
                }
                prepared = UpstreamConnection.adopt(this, upstream);
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
        try {
            return spec.tls().map(TlsIdentity::of);
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
                Upstream upstream = dialling.further(FURTHER_UPSTREAM_BUDGET);
                loop.execute(() -> attachFurther(shim, upstream));
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

    private void attachFurther(ShimConnection shim, Upstream upstream) {
        if (shim.link().isClosed() || state != State.READY) {
            upstream.close();
            return;
        }
        try {
            shim.attach(UpstreamConnection.adopt(this, upstream));
        } catch (IOException e) {
            upstream.close();
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
    void restore(Parts parts) throws RelayException {
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
        Dialer dialling = new Dialer(spec, identity(), loop);
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
                Upstream upstream = dialling.further(FURTHER_UPSTREAM_BUDGET);
                loop.execute(() -> keepPrepared(upstream));
            } catch (RelayException | InterruptedException e) {
                loop.execute(() -> end(State.LOST, "connection to the pod VM lost: " + e.getMessage()));
            }
        });
    }

    private void keepPrepared(Upstream upstream) {
        if (state != State.READY || prepared != null || primary != null) {
            upstream.close(); // The shim was faster, and has one of its own.
            return;
        }
        try {
            prepared = UpstreamConnection.adopt(this, upstream);
        } catch (IOException e) {
            upstream.close();
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
        for (ShimConnection shim : List.copyOf(shims)) {
            shim.close();
        }
        shims.clear();
        shimCount = 0;
        primary = null;
        ended.complete(status());
    }
}
