// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.sweep;

import io.peerpod.node.effect.CallLimit;
import io.peerpod.node.mailbox.Mailbox;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import io.peerpod.sandbox.Backoff;
import io.peerpod.sandbox.OrphanSweep;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sweeps at start and then periodically; each orphan is deleted on a thread of its own until the cloud says absent. */
public final class OrphanSweeper implements AutoCloseable {
    /** Orphans being deleted at once; sandboxes' own deletions go before them. */
    static final int DELETES_AT_ONCE = 8;

    private static final Logger log = LoggerFactory.getLogger(OrphanSweeper.class);

    private final CloudProvider provider;
    private final Sandboxes sandboxes;
    private final VmInventory inventory;
    private final Duration interval;
    private final Consumer<List<OrphanSweep.Verdict>> onSweep;
    private final Semaphore deletes = new Semaphore(DELETES_AT_ONCE);
    private final Set<Thread> running = ConcurrentHashMap.newKeySet();
    private final Set<LaunchToken> underWay = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    private OrphanSweeper(
            CloudProvider provider,
            Owner owner,
            Sandboxes sandboxes,
            Clock clock,
            Duration interval,
            Consumer<List<OrphanSweep.Verdict>> onSweep) {
        this.onSweep = onSweep;
        this.provider = provider;
        this.sandboxes = sandboxes;
        this.inventory = new VmInventory(provider, owner, sandboxes::known, clock);
        this.interval = interval;
    }

    /**
     * Sweeps from now on.
     *
     * @param interval between two sweeps; zero means never to sweep
     * @param onSweep is told what each sweep found
     */
    public static OrphanSweeper start(
            CloudProvider provider,
            Owner owner,
            Sandboxes sandboxes,
            Clock clock,
            Duration interval,
            Consumer<List<OrphanSweep.Verdict>> onSweep) {
        OrphanSweeper sweeper = new OrphanSweeper(provider, owner, sandboxes, clock, interval, onSweep);
        if (!interval.isZero()) {
            sweeper.begin("orphan-sweep", sweeper::run);
        }
        return sweeper;
    }

    @Override
    public void close() {
        closed = true;
        running.forEach(Thread::interrupt);
    }

    private interface Work {
        void run() throws InterruptedException;
    }

    private void begin(String name, Work work) {
        Thread thread = Thread.ofVirtual().name(name).unstarted(() -> {
            try {
                work.run();
            } catch (InterruptedException e) {
                log.atDebug().log("no longer sweeping");
            } finally {
                running.remove(Thread.currentThread());
            }
        });
        running.add(thread);
        thread.start();
        if (closed) {
            thread.interrupt();
        }
    }

    private void run() throws InterruptedException {
        int failures = 0;
        while (true) {
            Duration pause = interval;
            try {
                List<OrphanSweep.Verdict> verdicts = inventory.look();
                onSweep.accept(verdicts);
                verdicts.forEach(this::act);
                failures = 0;
            } catch (CloudException e) {
                failures++;
                Duration sooner = Backoff.after(e.failure(), failures);
                pause = sooner.compareTo(interval) < 0 ? sooner : interval;
                log.atWarn()
                        .addKeyValue("failure", e.getMessage())
                        .log("the cloud did not list this worker's pod VMs; orphans are looked for again");
            } catch (RuntimeException e) {
                log.atError().setCause(e).log("a sweep broke down; the next one is tried");
            }
            Thread.sleep(pause);
        }
    }

    private void act(OrphanSweep.Verdict verdict) {
        LaunchToken token = verdict.vm().token();
        switch (verdict.kind()) {
            case OURS -> {}
            case YOUNG ->
                log.atDebug().addKeyValue("instance", token.instanceName()).log(verdict.reason());
            case SET_ASIDE ->
                log.atWarn()
                        .addKeyValue("sandbox", token.sandboxId())
                        .addKeyValue("instance", token.instanceName())
                        .log(verdict.reason());
            case ORPHAN -> {
                if (underWay.add(token)) {
                    begin("orphan-" + token.instanceName(), () -> {
                        try {
                            remove(verdict);
                        } finally {
                            underWay.remove(token);
                        }
                    });
                }
            }
        }
    }

    /** While the lock is held no CreateVM brings the sandbox back to life. */
    private void remove(OrphanSweep.Verdict verdict) throws InterruptedException {
        LaunchToken token = verdict.vm().token();
        Mailbox mailbox = sandboxes.open(token.sandboxId());
        mailbox.creation().lockInterruptibly();
        try {
            if (sandboxes.isCurrent(mailbox) && !sandboxes.known().journals().contains(token)) {
                log.atWarn()
                        .addKeyValue("sandbox", token.sandboxId())
                        .addKeyValue("instance", verdict.vm().id())
                        .addKeyValue("age", verdict.age().orElse(Duration.ZERO))
                        .log("an orphaned pod VM is being deleted: " + verdict.reason());
                deleteUntilAbsent(token);
            }
        } finally {
            sandboxes.drop(mailbox);
            mailbox.creation().unlock();
        }
    }

    private void deleteUntilAbsent(LaunchToken token) throws InterruptedException {
        for (int attempt = 1; ; attempt++) {
            Optional<Duration> pause = delete(token, attempt);
            if (pause.isEmpty()) {
                log.atInfo().addKeyValue("instance", token.instanceName()).log("an orphaned pod VM is gone");
                return;
            }
            Thread.sleep(pause.get());
        }
    }

    /** Asks once; empty when nothing is left. */
    private Optional<Duration> delete(LaunchToken token, int attempt) throws InterruptedException {
        deletes.acquire();
        try {
            CloudProvider.Deletion deletion = CallLimit.run(
                    provider.longestCall(),
                    "the delete of pod VM " + token.instanceName(),
                    () -> provider.delete(token));
            return deletion == CloudProvider.Deletion.ABSENT
                    ? Optional.empty()
                    : Optional.of(Backoff.whileDeleting(attempt));
        } catch (CloudException e) {
            log.atWarn()
                    .addKeyValue("instance", token.instanceName())
                    .addKeyValue("attempt", attempt)
                    .addKeyValue("failure", e.getMessage())
                    .log("an orphaned pod VM could not be deleted yet");
            return Optional.of(Backoff.after(e.failure(), attempt));
        } finally {
            deletes.release();
        }
    }

    /** What a sweep would do now. */
    public List<OrphanSweep.Verdict> verdicts() throws CloudException, InterruptedException {
        return inventory.look();
    }
}
