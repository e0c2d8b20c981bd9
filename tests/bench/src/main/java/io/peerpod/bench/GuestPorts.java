// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.doubles.PodVms;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Notices when the forwarder's port opens in each new pod VM, by looking at the kernel's tables every few milliseconds: what lies before
 * that moment is the guest's own start, what lies after it is ours. Seen a little late rather than early.
 */
final class GuestPorts implements AutoCloseable {
    private static final int FORWARDER_PORT = 15150;
    private static final long PERIOD_MILLIS = 5;
    private static final Pattern POD_NAME = Pattern.compile("\"pod-name\"\\s*:\\s*\"([^\"]+)\"");
    private static final String USER_DATA = "root/media/cidata/user-data";

    private final Map<String, Long> openedAt = new ConcurrentHashMap<>();
    private final Thread watcher;

    private GuestPorts() {
        watcher = Thread.ofPlatform().name("guest-ports").daemon().start(this::look);
    }

    /** Starts to look. */
    static GuestPorts watch() {
        return new GuestPorts();
    }

    private void look() {
        Set<Long> seen = new HashSet<>();
        List<Long> waiting = new ArrayList<>();
        try {
            while (true) {
                for (long pid : pids()) {
                    if (seen.add(pid) && PodVms.isFirstOfANamespace(pid)) {
                        waiting.add(pid);
                    }
                }
                for (Long pid : List.copyOf(waiting)) {
                    if (isSettled(pid)) {
                        waiting.remove(pid);
                    }
                }
                Thread.sleep(PERIOD_MILLIS);
            }
        } catch (InterruptedException e) {
            // close: there is nothing more to see.
        } catch (IOException e) {
            System.err.println("the guests' ports cannot be watched: " + e.getMessage());
        }
    }

    /** Whether the VM's port is open now, or will never be. */
    private boolean isSettled(long pid) {
        if (PodVms.listens(pid, FORWARDER_PORT)) {
            podName(pid, System.nanoTime());
            return true;
        }
        return !Files.exists(Path.of("/proc", Long.toString(pid)));
    }

    private static List<Long> pids() throws IOException {
        List<Long> pids = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of("/proc"), "[1-9]*")) {
            entries.forEach(entry -> pids.add(Long.valueOf(entry.getFileName().toString())));
        }
        return pids;
    }

    private void podName(long pid, long now) {
        try {
            Matcher name = POD_NAME.matcher(Files.readString(Path.of("/proc", Long.toString(pid), USER_DATA)));
            if (name.find()) {
                openedAt.put(name.group(1), now);
            }
        } catch (IOException e) {
            System.err.println("a pod VM ended as soon as its port was open: " + e.getMessage());
        }
    }

    /** When the pod's port was seen open, as {@link System#nanoTime}; 0 if it was not. */
    long openedAt(String podName) {
        return openedAt.getOrDefault(podName, 0L);
    }

    @Override
    public void close() {
        watcher.interrupt();
    }
}
