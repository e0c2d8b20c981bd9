// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The pod VMs of the local cloud as this machine sees them: processes that are first in a PID namespace below ours. */
public final class PodVms {
    private PodVms() {}

    /** The first process of every running pod VM. */
    public static List<WorldProcesses.Running> running() throws IOException {
        List<WorldProcesses.Running> found = new ArrayList<>();
        for (WorldProcesses.Running running : WorldProcesses.others()) {
            if (isFirstOfANamespace(running.pid())) {
                found.add(running);
            }
        }
        return found;
    }

    /**
     * Whether the process is the first one of a pod VM; settled when it is born, so that a watcher need ask but once.
     *
     * <p>{@code NSpid} lists a process's id in each PID namespace from ours inwards.
     */
    public static boolean isFirstOfANamespace(long pid) {
        try (Stream<String> lines = Files.lines(Path.of("/proc", Long.toString(pid), "status"))) {
            return lines.filter(line -> line.startsWith("NSpid:"))
                    .map(line -> line.substring(6).strip().split("\\s+", -1))
                    .anyMatch(ids -> ids.length > 1 && ids[ids.length - 1].equals("1"));
        } catch (IOException | java.io.UncheckedIOException e) {
            // It ended meanwhile.
            return false;
        }
    }

    /** Whether somebody listens on the TCP port in the process's network namespace. */
    public static boolean listens(long pid, int port) {
        String suffix = String.format(Locale.ROOT, ":%04X", port);
        for (String table : List.of("tcp", "tcp6")) {
            Path path = Path.of("/proc", Long.toString(pid), "net", table);
            try (Stream<String> lines = Files.lines(path)) {
                if (lines.map(line -> line.trim().split(" +", -1))
                        .anyMatch(
                                fields -> fields.length > 3 && fields[1].endsWith(suffix) && fields[3].equals("0A"))) {
                    return true;
                }
            } catch (IOException | java.io.UncheckedIOException e) {
                // No such family, or the process ended.
            }
        }
        return false;
    }
}
