// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs a program as a child, on our console, and starts it again when it fails, as systemd's {@code Restart=on-failure} does. */
final class ChildSupervisor {
    private static final Logger log = LoggerFactory.getLogger(ChildSupervisor.class);

    /** How long a child may take to end when asked to. */
    private static final Duration STOP_LIMIT = Duration.ofSeconds(5);

    /** The longest pause between two starts. */
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

    private final String name;
    private final List<String> command;
    private final Map<String, String> environment;
    private final Duration pause;
    private final Thread thread;

    private ChildSupervisor(String name, List<String> command, Map<String, String> environment, Duration pause) {
        this.environment = environment;
        this.name = name;
        this.command = command;
        this.pause = pause;
        this.thread = Thread.ofVirtual().name(name).unstarted(this::run);
    }

    /**
     * Starts it.
     *
     * @param environment of the child, beside ours
     * @param pause before the first new start; it doubles with each one that follows, until the child has run for a while
     */
    static ChildSupervisor start(String name, List<String> command, Map<String, String> environment, Duration pause) {
        ChildSupervisor supervisor = new ChildSupervisor(name, command, environment, pause);
        supervisor.thread.start();
        return supervisor;
    }

    private void run() {
        Duration next = pause;
        try {
            while (true) {
                long started = System.nanoTime();
                if (runOnce() == 0) {
                    log.atInfo().log(name + " ended by itself without an error and is not started again");
                    return;
                }
                if (System.nanoTime() - started > LONGEST_PAUSE.toNanos()) {
                    next = pause;
                }
                log.atWarn().log(name + " is started again in " + next);
                Thread.sleep(next);
                next = next.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : next.multipliedBy(2);
            }
        } catch (InterruptedException e) {
            // Stopped.
        }
    }

    private int runOnce() throws InterruptedException {
        @Nullable Process child = null;
        try {
            ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
            builder.environment().putAll(environment);
            child = builder.start();
            log.atInfo().addKeyValue("pid", child.pid()).log(name + " started");
            int status = child.waitFor();
            log.atWarn().addKeyValue("status", status).log(name + " ended");
            return status;
        } catch (IOException e) {
            log.atError().setCause(e).log(name + " could not be started");
            return 1;
        } catch (InterruptedException e) {
            if (child != null) {
                end(child);
            }
            throw e;
        }
    }

    private static void end(Process child) throws InterruptedException {
        child.destroy();
        if (!child.waitFor(STOP_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
            child.destroyForcibly();
        }
    }

    /** Ends the child and waits for that. */
    void stop() throws InterruptedException {
        thread.interrupt();
        thread.join();
    }
}
