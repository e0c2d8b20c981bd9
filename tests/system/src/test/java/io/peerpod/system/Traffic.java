// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

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
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** One pod's container that logs, and a loop of execs. */
final class Traffic {

    /** Lines with their number and a word that follows from it, so that one that is lost, repeated or mixed up shows. */
    private static final String LOG =
            "i=0; while [ ! -e /tmp/enough ]; do i=$((i+1)); echo $i $((i*7919%99991)); [ $((i%20)) = 0 ] && sleep 0.1; done; exit 9";

    /** Longer than any path is broken. */
    private static final Duration PATIENCE = Duration.ofSeconds(150);

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

    /** Starts that many pods, some at once. */
    static List<Traffic> start(World world, int count, int atOnce) throws Exception {
        List<Traffic> pods = new ArrayList<>();
        List<Future<Traffic>> starting = new ArrayList<>();
        try (ExecutorService shims =
                Executors.newFixedThreadPool(atOnce, Thread.ofVirtual().factory())) {
            for (int i = 0; i < count; i++) {
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

    /** Ends the traffic of all pods and says what came; the failures. */
    static List<String> end(List<Traffic> pods, String what) throws Exception {
        int lines = 0;
        int execs = 0;
        List<String> failures = new ArrayList<>();
        for (Traffic pod : pods) {
            pod.end();
            failures.addAll(pod.failures);
            lines += pod.lines;
            execs += pod.execs.get();
        }
        System.out.println(pods.size() + " pods, " + what + ": " + lines + " log lines and " + execs
                + " execs, failures " + failures.size());
        if (execs <= pods.size() || lines <= pods.size() * 100) {
            failures.add("too little traffic to tell anything: " + lines + " log lines, " + execs + " execs");
        }
        return failures;
    }

    /** Stops the pods as their shims would. */
    static void stop(List<Traffic> pods) throws Exception {
        for (Traffic pod : pods) {
            pod.shim.stop();
        }
    }

    private void execLoop() {
        try {
            while (!enough) {
                int number = execs.get();
                ShimProcess process = shim.exec(
                        containerId, ContainerRequest.of("exec", "/bin/sh", "-c", "echo exec " + number + "; exit 6"));
                int code = process.awaitExit(PATIENCE);
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
                    .awaitExit(PATIENCE);
            int code = log.awaitExit(PATIENCE);
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
