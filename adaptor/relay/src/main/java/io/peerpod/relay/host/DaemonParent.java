// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.network.libc.OrphanReaper;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The relay as the parent of the daemon, for a container that both must share: a daemon that ends is started again, alone, and the relay's connections stay. Its output is the relay's own; SIGTERM is passed on to it.
 */
final class DaemonParent {
    /** Set in the environment of whoever wants a relay as parent; not in the daemon's. */
    private static final String VARIABLE = "PEERPOD_RELAY_PARENT";

    private static final Duration FIRST_PAUSE = Duration.ofMillis(200);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

    /** A daemon that ran for so long had started well; the next pause is a short one again. */
    private static final Duration STABLE = Duration.ofSeconds(60);

    /** A daemon that refuses its configuration does so within this. */
    private static final Duration REFUSAL = Duration.ofSeconds(20);

    /** For the daemon to end after SIGTERM. A container's own patience is usually 30 s. */
    private static final Duration END_LIMIT = Duration.ofSeconds(25);

    /** Exit codes from here on mean that a signal ended it (exit codes of shells, and of the JDK). */
    private static final int SIGNALLED = 128;

    private static final int FIRST_PROCESS = 1;

    private static final Logger log = LoggerFactory.getLogger(DaemonParent.class);

    private final List<String> command;
    private final IntSupplier sessions;
    private @Nullable Process child;
    private boolean stopping;
    private boolean replaced;

    private DaemonParent(List<String> command, IntSupplier sessions) {
        this.command = List.copyOf(command);
        this.sessions = sessions;
    }

    /**
     * Starts the daemon, and starts it again whenever it ends.
     *
     * @param sessions how many the relay holds
     */
    static DaemonParent start(List<String> command, IntSupplier sessions) {
        DaemonParent parent = new DaemonParent(command, sessions);
        if (ProcessHandle.current().pid() == FIRST_PROCESS) {
            OrphanReaper.start();
        }
        Thread.ofPlatform().name("daemon").daemon(true).start(parent::run);
        return parent;
    }

    private void run() {
        Duration pause = FIRST_PAUSE;
        try {
            while (true) {
                long began = System.nanoTime();
                Process started = begin();
                if (started == null) {
                    return;
                }
                int code = started.waitFor();
                Duration ran = Duration.ofNanos(System.nanoTime() - began);
                if (isOver(code, ran)) {
                    return;
                }
                pause = ran.compareTo(STABLE) > 0 ? FIRST_PAUSE : pause;
                log.atWarn()
                        .addKeyValue("code", code)
                        .addKeyValue("ran", ran)
                        .addKeyValue("pause", pause)
                        .addKeyValue("sessions", sessions.getAsInt())
                        .log("the daemon ended and is started again; pods go on");
                Thread.sleep(pause);
                Duration next = pause.multipliedBy(2);
                pause = next.compareTo(LONGEST_PAUSE) < 0 ? next : LONGEST_PAUSE;
            }
        } catch (IOException e) {
            System.err.println(
                    "peerpod-relay: the daemon cannot be started (" + command.getFirst() + "): " + e.getMessage());
            exit(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized @Nullable Process begin() throws IOException {
        if (stopping || replaced) {
            return null;
        }
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        builder.environment().remove(VARIABLE);
        Process started = builder.start();
        child = started;
        log.atInfo().addKeyValue("pid", started.pid()).log("started the daemon");
        return started;
    }

    private synchronized boolean isOver(int code, Duration ran) {
        if (stopping || replaced) {
            return true;
        }
        if (code != 0 && code < SIGNALLED && ran.compareTo(REFUSAL) < 0 && sessions.getAsInt() == 0) {
            log.atError()
                    .addKeyValue("code", code)
                    .log("the daemon refuses to start; the relay, which holds no pods, ends with it");
            exit(code);
            return true;
        }
        return false;
    }

    private static void exit(int code) {
        // Not from a thread that the shutdown waits for.
        Thread.ofPlatform().daemon(true).start(() -> Runtime.getRuntime().exit(code));
    }

    /** The relay of a newer container has everything now; a daemon that ends here is not started again. */
    synchronized void replaced() {
        replaced = true;
    }

    /** Ends the daemon in good order. */
    void stop() {
        Process running;
        synchronized (this) {
            stopping = true;
            running = child;
        }
        if (running == null) {
            return;
        }
        running.destroy();
        try {
            if (!running.waitFor(END_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                running.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
