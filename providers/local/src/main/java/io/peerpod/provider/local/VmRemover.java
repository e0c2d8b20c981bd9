// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.provider.CloudProvider;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Removes a VM: its processes, then its link, then its folder. Its mounts go with its last process. Every step finds what an earlier
 * attempt has left and may be repeated after a kill at any point.
 */
final class VmRemover {
    /** How long one attempt waits for killed processes; the kernel ends a whole PID namespace with its first process. */
    private static final Duration KILL_LIMIT = Duration.ofSeconds(10);

    private static final Duration FIRST_PAUSE = Duration.ofMillis(1);
    private static final Duration LONGEST_PAUSE = Duration.ofMillis(50);

    private final VmStore store;
    private final VmLinks links;

    VmRemover(VmStore store, VmLinks links) {
        this.store = store;
        this.links = links;
    }

    /** Removes what there is of the VM; under way if its processes take longer than one attempt waits. */
    CloudProvider.Deletion remove(VmRecord record) throws IOException, InterruptedException {
        String name = record.token().instanceName();
        Optional<VmRecord> marked = store.<Optional<VmRecord>, RuntimeException>locked(access -> {
            // The newest record: another process may have written the process numbers since.
            Optional<VmRecord> now = access.find(name).filter(seen -> seen.id().equals(record.id()));
            if (now.isPresent()) {
                access.write(now.get().in(VmRecord.Phase.DELETING));
            }
            return now;
        });
        if (marked.isEmpty()) {
            return CloudProvider.Deletion.ABSENT;
        }
        if (!end(marked.get())) {
            return CloudProvider.Deletion.UNDER_WAY;
        }
        links.remove(marked.get().link());
        store.<Boolean, RuntimeException>locked(access -> {
            access.remove(name);
            return true;
        });
        return CloudProvider.Deletion.ABSENT;
    }

    /** Removes a folder without a record, and what is there when no VM is: a removal was killed in its last steps. */
    void tidy(String name) throws IOException, InterruptedException {
        if (store.isUsed()) {
            store.<Boolean, RuntimeException>locked(access -> {
                if (access.find(name).isEmpty()) {
                    access.remove(name);
                }
                return true;
            });
        }
    }

    private boolean end(VmRecord record) throws IOException, InterruptedException {
        // The VM's first process before the one that waits for it: so the latter sees the end and goes by itself.
        List<ProcessIdentity> known = new ArrayList<>();
        record.init().ifPresent(known::add);
        record.shell().ifPresent(known::add);
        if (!killAll(known)) {
            return false;
        }
        if (record.init().isPresent()) {
            return true;
        }
        // Killed between the start of the shell and its record. The shell ends by itself then, but perhaps not yet.
        for (List<ProcessIdentity> left = marked(store.marker(record.id()));
                !left.isEmpty();
                left = marked(store.marker(record.id()))) {
            if (!killAll(left)) {
                return false;
            }
        }
        return true;
    }

    private static boolean killAll(List<ProcessIdentity> processes) throws IOException, InterruptedException {
        long latest = System.nanoTime() + KILL_LIMIT.toNanos();
        for (ProcessIdentity process : processes) {
            process.kill();
            Duration pause = FIRST_PAUSE;
            while (process.isAlive()) {
                if (System.nanoTime() - latest > 0) {
                    return false;
                }
                TimeUnit.NANOSECONDS.sleep(pause.toNanos());
                pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
            }
        }
        return true;
    }

    /** Every process of this machine that carries the VM's marker. */
    private static List<ProcessIdentity> marked(String vm) throws IOException {
        byte[] marker = (VmProcess.MARKER + "=" + vm).getBytes(StandardCharsets.UTF_8);
        List<ProcessIdentity> found = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (hasVariable(process, marker)) {
                    ProcessIdentity.of(Integer.parseInt(process.getFileName().toString()))
                            .ifPresent(found::add);
                }
            }
        }
        return found;
    }

    private static boolean hasVariable(Path process, byte[] marker) {
        try {
            byte[] environment = Files.readAllBytes(process.resolve("environ"));
            int start = 0;
            for (int i = 0; i < environment.length; i++) {
                if (environment[i] == 0) {
                    if (Arrays.equals(environment, start, i, marker, 0, marker.length)) {
                        return true;
                    }
                    start = i + 1;
                }
            }
            return false;
        } catch (IOException e) {
            // It has ended, or it is not ours to look at.
            return false;
        }
    }
}
