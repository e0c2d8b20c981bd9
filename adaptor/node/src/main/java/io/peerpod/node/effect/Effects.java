// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.node.identity.Identities;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.EffectRunner;
import io.peerpod.node.plan.PodNetworks;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.Owner;
import io.peerpod.relay.RelayControl;
import io.peerpod.sandbox.SandboxEffect;
import io.peerpod.sandbox.SandboxEvent;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs every effect on a virtual thread of its own. */
public final class Effects implements EffectRunner, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Effects.class);

    private final CloudCalls cloud;
    private final GuestConnector connector;
    private final GuestWatch watch;
    private final WorkerRelease release;
    private final PodNetworks networks;
    private final GuestConfiguration configuration;
    /** What Release ends first: the running Connect or WatchGuest of a sandbox. */
    private final Map<String, Thread> attached = new ConcurrentHashMap<>();

    private final Set<Thread> running = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /**
     * @param forwarderPort TCP port of the forwarder in every guest
     */
    public Effects(
            CloudProvider provider,
            Owner owner,
            RelayControl relay,
            PodNetworks networks,
            Identities identities,
            GuestConfiguration configuration,
            EffectLimits limits,
            int forwarderPort) {
        this.cloud = new CloudCalls(provider, owner, configuration, limits);
        this.connector = new GuestConnector(relay, networks, identities, cloud, limits, forwarderPort);
        this.watch = new GuestWatch(relay, cloud, new TunnelWatch(networks));
        this.release = new WorkerRelease(relay, networks);
        this.networks = networks;
        this.configuration = configuration;
    }

    /** What an effect does; ends on interrupt. */
    @FunctionalInterface
    private interface Work {
        SandboxEvent run() throws InterruptedException;
    }

    @Override
    public void run(SandboxEffect effect, Report report) {
        switch (effect) {
            case SandboxEffect.CreateVm(var sandbox) -> start(effect, report, () -> cloud.create(sandbox, report));
            case SandboxEffect.RetryLater(var delay) ->
                start(effect, report, () -> {
                    report.note(Note.of(Stage.RETRY_SCHEDULED, "in " + delay.toMillis() + " ms"));
                    pause(delay);
                    return new SandboxEvent.RetryDue();
                });
            case SandboxEffect.AwaitLanding(var token) ->
                start(effect, report, () -> cloud.awaitLanding(token, report));
            case SandboxEffect.Connect(var sandbox, var vm) ->
                attach(sandbox.id(), start(effect, report, () -> connector.connect(sandbox, vm, report)));
            case SandboxEffect.WatchGuest(var sandbox, var vm) ->
                attach(sandbox.id(), start(effect, report, () -> watch.watch(sandbox, vm, report)));
            case SandboxEffect.DeleteVm(var token, int attempt, var delay) ->
                start(effect, report, () -> {
                    pause(delay);
                    return cloud.delete(token, attempt, report);
                });
            case SandboxEffect.Release(var sandbox, var vm, int attempt, var delay) ->
                start(effect, report, () -> {
                    detach(sandbox.id());
                    pause(delay);
                    return release.release(sandbox, vm, attempt, report);
                });
            case SandboxEffect.Forget(var sandbox) -> {
                attached.remove(sandbox.id());
                configuration.forget(sandbox.id());
                networks.release(SandboxPlan.of(sandbox).network());
            }
        }
    }

    /** Other limits, for what begins from now on. */
    public void change(EffectLimits limits) {
        cloud.change(limits);
        connector.change(limits);
    }

    /** Ends everything that runs; the journals say where a successor takes up. */
    @Override
    public void close() {
        closed = true;
        running.forEach(Thread::interrupt);
    }

    private Thread start(SandboxEffect effect, Report report, Work work) {
        String name = effect.getClass().getSimpleName();
        Thread thread = Thread.ofVirtual().name("effect-" + name).unstarted(() -> {
            try {
                SandboxEvent event = work.run();
                if (!closed && !Thread.interrupted()) {
                    report.answer(event);
                }
            } catch (InterruptedException e) {
                log.atDebug().addKeyValue("effect", name).log("an effect was ended before it was done");
            } finally {
                running.remove(Thread.currentThread());
            }
        });
        if (!closed) {
            running.add(thread);
            thread.start();
        }
        return thread;
    }

    private void attach(String sandboxId, Thread thread) {
        attached.put(sandboxId, thread);
    }

    private void detach(String sandboxId) throws InterruptedException {
        Thread thread = attached.remove(sandboxId);
        if (thread != null) {
            thread.interrupt();
            thread.join();
        }
    }

    /** With up to a fifth more, so that many sandboxes do not come back at once. */
    private static void pause(Duration delay) throws InterruptedException {
        long nanos = delay.toNanos();
        if (nanos > 0) {
            Thread.sleep(Duration.ofNanos(nanos + ThreadLocalRandom.current().nextLong(nanos / 5 + 1)));
        }
    }
}
