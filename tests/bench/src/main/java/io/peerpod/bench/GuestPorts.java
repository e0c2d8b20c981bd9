// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.doubles.PodVms;
import io.peerpod.doubles.WorldProcesses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    private final Set<Long> done = ConcurrentHashMap.newKeySet();
    private final Thread watcher;

    private GuestPorts() {
        watcher = Thread.ofPlatform().name("guest-ports").daemon().start(this::look);
    }

    /** Starts to look. */
    static GuestPorts watch() {
        return new GuestPorts();
    }

    private void look() {
        try {
            while (true) {
                for (WorldProcesses.Running vm : PodVms.running()) {
                    if (!done.contains(vm.pid()) && PodVms.listens(vm.pid(), FORWARDER_PORT)) {
                        long now = System.nanoTime();
                        podName(vm.pid(), now);
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

    private void podName(long pid, long now) {
        try {
            Matcher name = POD_NAME.matcher(Files.readString(Path.of("/proc", Long.toString(pid), USER_DATA)));
            if (name.find()) {
                openedAt.put(name.group(1), now);
            }
            done.add(pid);
        } catch (IOException e) {
            // The VM ended meanwhile.
            done.add(pid);
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
