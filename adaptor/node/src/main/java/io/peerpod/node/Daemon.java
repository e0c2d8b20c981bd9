// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import io.peerpod.node.effect.Effects;
import io.peerpod.node.effect.GuestConfiguration;
import io.peerpod.node.effect.OrphanWatch;
import io.peerpod.node.hypervisor.HypervisorService;
import io.peerpod.node.hypervisor.PodVmInfoService;
import io.peerpod.node.hypervisor.Ready;
import io.peerpod.node.identity.Identities;
import io.peerpod.node.journal.JournalException;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.node.plan.PodNetworks;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.node.plan.SandboxPreparation;
import io.peerpod.node.process.NewerDaemon;
import io.peerpod.node.process.StateLock;
import io.peerpod.node.process.Supervisor;
import io.peerpod.node.process.TakenSocket;
import io.peerpod.node.sweep.CloudWatches;
import io.peerpod.relay.RelayControl;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxState;
import io.peerpod.ttrpc.TtrpcServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running daemon. The socket serves first; calls wait until the journals are read. When a newer daemon takes the socket over,
 * this one lets go of the state folder at once, passes the calls it has on to the newer one, and waits to be ended.
 */
final class Daemon implements AutoCloseable {
    private static final Duration SUCCESSOR_POLL = Duration.ofMillis(20);

    /** How long a daemon that was replaced and is asked to end waits for the calls that it passed on; whoever has less patience sends a second signal. */
    private static final Duration PASSED_ON_LIMIT = Duration.ofMinutes(10);

    private static final Logger log = LoggerFactory.getLogger(Daemon.class);

    private final NodeConfig config;
    private final Parts parts;
    private final CompletableFuture<Ready> ready = new CompletableFuture<>();
    private final TakenSocket socket;
    private final NewerDaemon newer;
    private final TtrpcServer server;
    private @Nullable StateLock lock;
    private @Nullable OrphanWatch orphans;
    private CloudWatches.@Nullable Running watches;
    private boolean stopped;
    private volatile Runnable replaced = () -> {};

    /** What the daemon is made of. */
    record Parts(
            Sandboxes sandboxes,
            Effects effects,
            SandboxPreparation preparation,
            GuestConfiguration configuration,
            Identities identities,
            PodNetworks networks,
            RelayControl relay,
            Supervisor supervisor,
            CloudWatches watches) {}

    private Daemon(NodeConfig config, Parts parts, TakenSocket socket) {
        this.config = config;
        this.parts = parts;
        this.socket = socket;
        newer = new NewerDaemon(config.socket());
        this.server = TtrpcServer.builder()
                .addDetachedService(new HypervisorService(ready, newer))
                .addService(new PodVmInfoService(ready))
                .name("hypervisor")
                .serve(socket.channel());
    }

    /** Serves; nothing is read or done yet. */
    static Daemon serve(NodeConfig config, Parts parts) throws IOException {
        return new Daemon(config, parts, TakenSocket.take(config.socket()));
    }

    /** Reads what a predecessor left and continues it. Returns when calls are dealt with. */
    void start() throws IOException, InterruptedException, JournalException {
        Future<?> identity = beside("warm-up", () -> {
            parts.identities().warmUp();
            return true;
        });
        Future<?> network = beside("network", () -> {
            parts.networks().warmUp();
            return true;
        });
        Future<?> relay = beside("relay-start", () -> parts.relay().info());
        lock = StateLock.acquire(
                config.stateDir(),
                () -> log.atInfo()
                        .addKeyValue("folder", config.stateDir())
                        .log("another daemon works on the state folder; it is waited for"));
        Sandboxes.Loaded loaded = parts.sandboxes().load();
        loaded.problems()
                .forEach(
                        problem -> log.atError().addKeyValue("failure", problem).log("a journal cannot be used"));
        await(network, "this process's network namespace cannot be used: ");
        for (Sandboxes.Left left : loaded.sandboxes()) {
            adopt(left.state());
        }
        await(identity, "the TLS identity under " + config.stateDir() + " cannot be used: ");
        await(relay, "");
        parts.sandboxes().resume();
        watches = parts.watches().start(parts.sandboxes());
        orphans = OrphanWatch.start(parts.sandboxes(), parts.relay(), config.orphanGrace());
        ready.complete(new Ready(parts.sandboxes(), parts.preparation(), parts.configuration()));
        Thread.ofVirtual().name("successor-watch").start(this::watchForSuccessor);
        parts.supervisor().ready();
        log.atInfo()
                .addKeyValue("socket", config.socket())
                .addKeyValue("sandboxes", loaded.sandboxes().size())
                .log("the daemon is ready");
    }

    private static <T> Future<T> beside(String name, Callable<T> work) {
        FutureTask<T> task = new FutureTask<>(work);
        Thread.ofVirtual().name(name).start(task);
        return task;
    }

    private static void await(Future<?> work, String what) throws IOException, InterruptedException {
        try {
            work.get();
        } catch (ExecutionException e) {
            throw new IOException(
                    what + (e.getCause() == null ? e.toString() : e.getCause().getMessage()), e);
        }
    }

    private void adopt(SandboxState state) throws IOException {
        switch (state) {
            case SandboxState.Prepared prepared -> adopt(prepared.sandbox());
            case SandboxState.Launching launching -> adopt(launching.sandbox());
            case SandboxState.AwaitingLanding awaiting -> adopt(awaiting.sandbox());
            case SandboxState.Connecting connecting -> adopt(connecting.sandbox());
            case SandboxState.Ready running -> adopt(running.sandbox());
            case SandboxState.Stopping stopping -> adopt(stopping.sandbox());
            case SandboxState.Absent _, SandboxState.Gone _ -> {}
        }
    }

    private void adopt(Sandbox sandbox) throws IOException {
        parts.networks().adopt(SandboxPlan.of(sandbox).network());
    }

    private void watchForSuccessor() {
        try {
            while (socket.isOurs()) {
                Thread.sleep(SUCCESSOR_POLL);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        if (!begin()) {
            return;
        }
        // Calls that wait here, and those that still come on open connections, get their answers from the newer one.
        newer.tookOver();
        letGo();
        replaced.run();
        log.atInfo()
                .addKeyValue("calls", server.openStreams())
                .log("a newer daemon has taken over; this one waits to be ended, and passes its calls on until then");
    }

    /** What is done when a newer daemon has taken over, such as to leave it the health port: its readiness is what counts then. */
    void whenReplaced(Runnable action) {
        replaced = action;
    }

    /** Why shims are not served at the moment, in a sentence; empty when they are. No pod has a say in it. */
    Optional<String> unready() {
        if (isStopped()) {
            return Optional.of("this daemon is ending, or a newer one has taken over");
        }
        if (ready.isCompletedExceptionally()) {
            return Optional.of("this daemon could not start");
        }
        return ready.isDone() ? Optional.empty() : Optional.of("the journals are being read; calls of shims wait");
    }

    private synchronized boolean isStopped() {
        return stopped;
    }

    /** Ends serving, quickly; pods live on. */
    private void stop() throws InterruptedException {
        if (!begin()) {
            if (newer.isHere() && !server.shutdown(PASSED_ON_LIMIT)) {
                log.atWarn().log("calls that were passed on to the newer daemon are cut off");
            }
            return;
        }
        if (!server.shutdown(config.stopGrace())) {
            log.atWarn().log("calls in flight are cut off; their sandboxes are continued by the next daemon");
        }
        letGo();
    }

    /** Whether this is the first to end it. */
    private synchronized boolean begin() {
        boolean first = !stopped;
        stopped = true;
        return first;
    }

    /** From here on journals, relay and cloud belong to the next daemon. */
    private void letGo() {
        ready.completeExceptionally(new InterruptedException("the daemon is ending"));
        if (orphans != null) {
            orphans.close();
        }
        if (watches != null) {
            watches.close();
        }
        parts.effects().close();
        parts.sandboxes().close();
        parts.relay().close();
        try {
            if (!newer.isHere()) {
                socket.close();
            }
            if (lock != null) {
                lock.close();
            }
        } catch (IOException e) {
            log.atWarn().addKeyValue("failure", e.getMessage()).log("the socket or the lock was not given back");
        }
    }

    @Override
    public void close() {
        parts.supervisor().stopping();
        try {
            stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
