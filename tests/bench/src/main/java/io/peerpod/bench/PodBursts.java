// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.PodRequest;
import io.peerpod.doubles.PrivateWorld;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimObserver;
import io.peerpod.doubles.WireStatusException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/** Starts and stops pods in bursts: all of a burst start at once, and stop at once when the last one is up. */
final class PodBursts {
    private static final String PORT_OPEN = "StartVM until the guest's port was seen open";
    private static final String AFTER_PORT = "StartVM after that";

    private final PrivateWorld world;
    private final int atOnce;
    private final Map<String, LatencyHistogram> stages = Collections.synchronizedMap(new LinkedHashMap<>());
    private final List<String> failures = Collections.synchronizedList(new ArrayList<>());

    PodBursts(PrivateWorld world, int atOnce) {
        this.world = world;
        this.atOnce = atOnce;
        for (String stage : List.of("CreateVM", "StartVM", PORT_OPEN, AFTER_PORT, "dial and Check", "StopVM")) {
            stages.put(stage, new LatencyHistogram());
        }
    }

    /** Starts and stops that many pods. */
    void run(int count) throws IOException, InterruptedException {
        for (int first = 0; first < count; first += atOnce) {
            burst(first, Math.min(atOnce, count - first));
        }
    }

    private void burst(int first, int size) throws IOException, InterruptedException {
        List<Path> namespaces = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            // Another address for each pod of two bursts in a row, since the last one's tunnel may still be going down.
            namespaces.add(world.pods().add("bench-" + (first + i), PodAddresses.IPV4.of((first + i) % 2000)));
        }
        CountDownLatch up = new CountDownLatch(size);
        List<Thread> shims = new ArrayList<>();
        try (GuestPorts ports = GuestPorts.watch()) {
            for (int i = 0; i < size; i++) {
                PodRequest pod = PodRequest.of("bench-" + (first + i), namespaces.get(i));
                shims.add(Thread.ofVirtual().start(() -> one(pod, up, ports)));
            }
            for (Thread shim : shims) {
                shim.join();
            }
        }
        for (int i = 0; i < size; i++) {
            world.pods().remove("bench-" + (first + i));
        }
    }

    private void one(PodRequest pod, CountDownLatch up, GuestPorts ports) {
        boolean counted = false;
        try (KataShim shim = new KataShim(ShimHabits.GO, NodeProcess.SOCKET, pod, ShimObserver.NONE)) {
            timed("CreateVM", shim::createVm);
            long start = System.nanoTime();
            shim.startVm();
            long started = System.nanoTime();
            record("StartVM", started - start);
            long open = ports.openedAt(pod.name());
            if (open > start) {
                record(PORT_OPEN, open - start);
                record(AFTER_PORT, started - open);
            }
            timed("dial and Check", shim::connect);
            counted = true;
            up.countDown();
            up.await();
            timed("StopVM", shim::stop);
        } catch (IOException | WireStatusException e) {
            failures.add(String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            if (!counted) {
                up.countDown();
            }
        }
    }

    private interface Step {
        void run() throws IOException, WireStatusException, InterruptedException;
    }

    private void timed(String stage, Step step) throws IOException, WireStatusException, InterruptedException {
        long before = System.nanoTime();
        step.run();
        record(stage, System.nanoTime() - before);
    }

    private void record(String stage, long nanos) {
        LatencyHistogram histogram = stages.get(stage);
        if (histogram != null) {
            synchronized (histogram) {
                histogram.record(nanos);
            }
        }
    }

    /** Durations by stage. */
    Map<String, LatencyHistogram> stages() {
        return stages;
    }

    /** One message a pod that failed. */
    List<String> failures() {
        return failures;
    }
}
