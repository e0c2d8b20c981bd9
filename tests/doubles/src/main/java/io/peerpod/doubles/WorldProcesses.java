// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The processes of this PID namespace, read from proc(5). */
public final class WorldProcesses {
    private static final Path PROC = Path.of("/proc");

    private WorldProcesses() {}

    /**
     * One process.
     *
     * @param pid its id here
     * @param parent its parent's id here, 0 if that is not of this namespace
     * @param command its command line, words joined by spaces
     */
    public record Running(long pid, long parent, String command) {
        @Override
        public String toString() {
            return pid + " (" + (command.length() > 120 ? command.substring(0, 120) + "…" : command) + ")";
        }
    }

    /** Everything that runs, kernel threads and the dead (zombies) left out. */
    public static List<Running> all() throws IOException {
        List<Running> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(PROC, "[1-9]*")) {
            for (Path entry : entries) {
                Running running = read(entry);
                if (running != null) {
                    found.add(running);
                }
            }
        }
        return found;
    }

    /** Everything that runs besides this process and its ancestors. */
    public static List<Running> others() throws IOException {
        Set<Long> own = new HashSet<>();
        for (ProcessHandle handle = ProcessHandle.current();
                handle != null;
                handle = handle.parent().orElse(null)) {
            own.add(handle.pid());
        }
        return all().stream().filter(running -> !own.contains(running.pid())).toList();
    }

    /** Those whose command line holds the text, such as the name of a main class. */
    public static List<Running> matching(String text) throws IOException {
        return others().stream()
                .filter(running -> running.command().contains(text))
                .toList();
    }

    private static @org.jspecify.annotations.Nullable Running read(Path entry) {
        try {
            String stat = Files.readString(entry.resolve("stat"), StandardCharsets.ISO_8859_1);
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            byte[] commandLine = Files.readAllBytes(entry.resolve("cmdline"));
            if (fields[0].equals("Z") || fields[0].equals("X") || commandLine.length == 0) {
                return null;
            }
            String command = new String(commandLine, StandardCharsets.UTF_8)
                    .replace('\0', ' ')
                    .strip();
            return new Running(Long.parseLong(entry.getFileName().toString()), Long.parseLong(fields[1]), command);
        } catch (IOException e) {
            // It ended between the listing and the reading.
            return null;
        }
    }
}
