// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.doubles.ContainerRequest;
import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimProcess;
import io.peerpod.doubles.WireStatusException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Pods that log and take execs all the time, while everything below them on the node is killed and replaced. */
class UpgradesIT {
    private static final int PODS = Integer.getInteger("peerpod.traffic.pods", 8);
    private static final int AT_ONCE = 4;
    private static final int KILLS = 10;
    private static final int SURGES = 5;
    private static final Duration BETWEEN = Duration.ofMillis(300);

    /** Lines with their number and a word that follows from it, so that one that is lost, repeated or mixed up shows. */
    private static final String LOG =
            "i=0; while [ ! -e /tmp/enough ]; do i=$((i+1)); echo $i $((i*7919%99991)); [ $((i%20)) = 0 ] && sleep 0.1; done; exit 9";

    private World world;

    @BeforeEach
    void makeWorld() throws Exception {
        world = World.start(Map.of());
    }

    @AfterEach
    void takeWorldAway() throws Exception {
        if (world != null) {
            world.close();
        }
    }

    @Test
    void noPodNoticesThatTheDaemonIsKilledTenTimesAndReplacedFiveTimes() throws Exception {
        List<Traffic> pods = startAll();
        for (int i = 0; i < KILLS; i++) {
            world.killAndRestartNode();
            Thread.sleep(BETWEEN);
        }
        for (int i = 0; i < SURGES; i++) {
            world.replaceNode();
            Thread.sleep(BETWEEN);
        }
        check(pods, "the daemon was killed " + KILLS + " times and replaced " + SURGES + " times");
    }

    private List<Traffic> startAll() throws Exception {
        List<Traffic> pods = new ArrayList<>();
        List<Future<Traffic>> starting = new ArrayList<>();
        try (ExecutorService shims =
                Executors.newFixedThreadPool(AT_ONCE, Thread.ofVirtual().factory())) {
            for (int i = 0; i < PODS; i++) {
                int number = i;
                starting.add(shims.submit(
                        () -> new Traffic(world.pod("traffic-" + number, number, PodAddresses.IPV4, ShimHabits.GO))));
            }
        }
        for (Future<Traffic> one : starting) {
            pods.add(one.get());
        }
        return pods;
    }

    private void check(List<Traffic> pods, String what) throws Exception {
        int lines = 0;
        int execs = 0;
        List<String> failures = new ArrayList<>();
        for (Traffic pod : pods) {
            pod.end();
            failures.addAll(pod.failures);
            lines += pod.lines;
            execs += pod.execs.get();
        }
        System.out.println(PODS + " pods, " + what + ": " + lines + " log lines and " + execs + " execs, failures "
                + failures.size());
        assertThat(failures).isEmpty();
        assertThat(execs).as("execs").isGreaterThan(PODS);
        assertThat(lines).as("log lines").isGreaterThan(PODS * 100);
        for (Traffic pod : pods) {
            pod.shim.stop();
        }
        assertThat(world.sandboxesLeft()).isEmpty();
        assertThat(world.leftovers()).isEmpty();
    }

    /** One pod's container that logs, and a loop of execs. */
    private static final class Traffic {
        private final KataShim shim;
        private final String containerId;
        private final ShimProcess log;
        private final AtomicInteger execs = new AtomicInteger();
        private final Queue<String> failures = new ConcurrentLinkedQueue<>();
        private final Thread execLoop;
        private volatile boolean enough;
        private int lines;

        Traffic(KataShim shim) throws IOException, WireStatusException, InterruptedException {
            this.shim = shim;
            ContainerRequest container = ContainerRequest.of("log", "/bin/sh", "-c", LOG);
            containerId = container.id();
            log = shim.run(container);
            execLoop = Thread.ofVirtual().start(this::execLoop);
        }

        private void execLoop() {
            try {
                while (!enough) {
                    int number = execs.get();
                    ShimProcess process = shim.exec(
                            containerId,
                            ContainerRequest.of("exec", "/bin/sh", "-c", "echo exec " + number + "; exit 6"));
                    int code = process.awaitExit(World.PATIENCE);
                    if (code != 6 || !process.stdout().equals("exec " + number + "\n")) {
                        failures.add(shim.pod().name() + ": exec " + number + " ended with " + code + " and said '"
                                + process.stdout() + "'");
                    }
                    execs.incrementAndGet();
                    TimeUnit.MILLISECONDS.sleep(200);
                }
            } catch (IOException | WireStatusException e) {
                failures.add(shim.pod().name() + ": exec " + execs.get() + " failed: " + e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** Ends both loops and looks at what came. */
        void end() throws IOException, InterruptedException {
            enough = true;
            execLoop.join();
            try {
                shim.exec(containerId, ContainerRequest.of("enough", "/bin/sh", "-c", "touch /tmp/enough"))
                        .awaitExit(World.PATIENCE);
                int code = log.awaitExit(World.PATIENCE);
                if (code != 9) {
                    failures.add(shim.pod().name() + ": the log ended with " + code);
                }
            } catch (IOException | WireStatusException e) {
                failures.add(shim.pod().name() + ": the log's end: " + e.getMessage());
            }
            for (String line : log.stdout().split("\n", -1)) {
                if (line.isEmpty()) {
                    continue;
                }
                lines++;
                if (!line.equals(lines + " " + (long) lines * 7919 % 99991)) {
                    failures.add(shim.pod().name() + ": line " + lines + " is '" + line + "'");
                    break;
                }
            }
            if (shim.sickness().isDone()) {
                failures.add(shim.pod().name() + ": a health check failed: "
                        + shim.sickness().join());
            }
            if (shim.openForLife().stream().anyMatch(call -> call.isDone())) {
                failures.add(shim.pod().name() + ": a call that stays open for life has ended");
            }
        }
    }
}
