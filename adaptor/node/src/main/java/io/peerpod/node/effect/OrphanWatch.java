// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.node.mailbox.Mailbox;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.relay.RelayControl;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionStatus;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.SandboxState;
import io.peerpod.sandbox.Trouble;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends sandboxes that no shim holds on to. A dead Go shim never sends StopVM, and runtime-rs leaves without it when its health check
 * fails (kata-protocol.md 3.5, 4); what remains is an agent socket without a connection. A shim connects within milliseconds of
 * StartVM and closes only when it ends, so a grace of a minute is long. Time counts from when this daemon first saw the sandbox
 * alone: after a restart everybody has the whole grace again.
 */
public final class OrphanWatch implements AutoCloseable {
    /** CreateVM and StartVM of one shim are milliseconds apart, but nothing bounds it. */
    static final Duration PREPARED_GRACE = Duration.ofMinutes(5);

    private static final Duration LONGEST_PERIOD = Duration.ofSeconds(10);
    private static final Logger log = LoggerFactory.getLogger(OrphanWatch.class);

    private final Sandboxes sandboxes;
    private final RelayControl relay;
    private final Duration grace;
    private final Thread thread;
    /** Since when (nanoseconds) a sandbox has been alone. */
    private final Map<String, Long> aloneSince = new HashMap<>();

    private OrphanWatch(Sandboxes sandboxes, RelayControl relay, Duration grace) {
        this.sandboxes = sandboxes;
        this.relay = relay;
        this.grace = grace;
        this.thread = Thread.ofVirtual().name("orphan-watch").unstarted(this::run);
    }

    /** Watches from now on; a grace of zero means never to end a sandbox unasked. */
    public static OrphanWatch start(Sandboxes sandboxes, RelayControl relay, Duration grace) {
        OrphanWatch watch = new OrphanWatch(sandboxes, relay, grace);
        if (!grace.isZero()) {
            watch.thread.start();
        }
        return watch;
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void run() {
        Duration quarter = grace.dividedBy(4);
        Duration period = quarter.compareTo(LONGEST_PERIOD) < 0 ? quarter : LONGEST_PERIOD;
        try {
            while (true) {
                Thread.sleep(period);
                look();
            }
        } catch (InterruptedException e) {
            log.atDebug().log("no longer looking for orphans");
        }
    }

    private void look() {
        Set<String> alone = new HashSet<>();
        try {
            for (SessionStatus session : relay.list()) {
                if (session.state() == SessionStatus.State.READY && session.shimConnections() == 0) {
                    alone.add(session.sandboxId());
                }
            }
        } catch (RelayException e) {
            // Without its word nobody is called an orphan.
            log.atWarn().addKeyValue("failure", e.getMessage()).log("the relay did not say who is connected");
            return;
        }
        Set<String> known = new HashSet<>();
        for (Mailbox mailbox : sandboxes.all()) {
            SandboxState state = mailbox.state();
            String id = mailbox.sandboxId();
            boolean prepared = state instanceof SandboxState.Prepared;
            if (prepared || (state instanceof SandboxState.Ready && alone.contains(id))) {
                known.add(id);
                judge(mailbox, prepared);
            }
        }
        aloneSince.keySet().retainAll(known);
    }

    private void judge(Mailbox mailbox, boolean prepared) {
        long now = System.nanoTime();
        long since = aloneSince.computeIfAbsent(mailbox.sandboxId(), _ -> now);
        Duration alone = Duration.ofNanos(now - since);
        Duration allowed = prepared && grace.compareTo(PREPARED_GRACE) < 0 ? PREPARED_GRACE : grace;
        if (alone.compareTo(allowed) < 0) {
            return;
        }
        String message = "sandbox " + mailbox.sandboxId()
                + (prepared ? " was created and not started" : " has had no connection of its shim")
                + " for " + alone.toSeconds() + " s, and no StopVM came: its shim is gone. It is being stopped";
        log.atWarn()
                .addKeyValue("sandbox", mailbox.sandboxId())
                .addKeyValue("took", alone)
                .log("an orphaned sandbox is being stopped");
        aloneSince.remove(mailbox.sandboxId());
        mailbox.tell(new SandboxEvent.Orphaned(new Trouble(message, Actor.US)));
    }
}
