// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** What proc(5) says of the processes of this VM. A process that ends meanwhile is simply not among the answers. */
final class GuestProcesses {
    private static final Path PROC = Path.of("/proc");

    /** The kernel's unit of CPU time in these files is a hundredth of a second on every architecture. */
    private static final long NANOSECONDS_PER_TICK = 10_000_000;

    private static final long BYTES_PER_KILOBYTE = 1024;

    // Indices among the fields of stat behind the command's closing parenthesis; proc(5) counts from 1, and two stand
    // before it.
    private static final int PARENT = 4 - 3;
    private static final int USER_TIME = 14 - 3;
    private static final int SYSTEM_TIME = 15 - 3;

    private GuestProcesses() {}

    /**
     * What a process has used.
     *
     * @param userNanoseconds CPU time outside the kernel
     * @param kernelNanoseconds CPU time in the kernel
     * @param memoryBytes resident now
     */
    record Usage(long userNanoseconds, long kernelNanoseconds, long memoryBytes) {
        Usage plus(Usage other) {
            return new Usage(
                    userNanoseconds + other.userNanoseconds,
                    kernelNanoseconds + other.kernelNanoseconds,
                    memoryBytes + other.memoryBytes);
        }
    }

    /** The first child of a process. */
    static OptionalInt childOf(long parent) {
        for (int pid : all()) {
            Optional<String[]> fields = stat(pid);
            if (fields.isPresent() && fields.get()[PARENT].equals(Long.toString(parent)) && !isOver(fields.get())) {
                return OptionalInt.of(pid);
            }
        }
        return OptionalInt.empty();
    }

    /** Every process in the same PID namespace as that one. */
    static List<Integer> companionsOf(int first) {
        List<Integer> companions = new ArrayList<>();
        Optional<Path> namespace = namespaceOf(first);
        for (int pid : all()) {
            if (namespace.isPresent() && namespaceOf(pid).equals(namespace)) {
                companions.add(pid);
            }
        }
        return companions;
    }

    static Optional<Usage> usageOf(int pid) {
        return stat(pid)
                .filter(fields -> fields.length > SYSTEM_TIME)
                .map(fields -> new Usage(
                        Long.parseLong(fields[USER_TIME]) * NANOSECONDS_PER_TICK,
                        Long.parseLong(fields[SYSTEM_TIME]) * NANOSECONDS_PER_TICK,
                        residentBytes(pid)));
    }

    /** Whether the process has a handler for that signal. */
    static boolean catches(int pid, int signal) {
        return status(pid, "SigCgt:")
                .map(mask -> (Long.parseUnsignedLong(mask, 16) >>> (signal - 1) & 1) == 1)
                .orElse(false);
    }

    private static long residentBytes(int pid) {
        return status(pid, "VmRSS:")
                .map(text -> Long.parseLong(text.replace("kB", "").strip()) * BYTES_PER_KILOBYTE)
                .orElse(0L);
    }

    private static Optional<String> status(int pid, String key) {
        return read(pid, "status")
                .flatMap(text -> text.lines()
                        .filter(line -> line.startsWith(key))
                        .map(line -> line.substring(key.length()).strip())
                        .findFirst());
    }

    private static boolean isOver(String[] fields) {
        return fields[0].equals("Z") || fields[0].equals("X");
    }

    private static Optional<String[]> stat(int pid) {
        return read(pid, "stat")
                .map(line -> line.substring(line.lastIndexOf(')') + 1).strip().split(" ", -1))
                .filter(fields -> fields.length > PARENT);
    }

    private static Optional<Path> namespaceOf(int pid) {
        try {
            return Optional.of(Files.readSymbolicLink(PROC.resolve(pid + "/ns/pid")));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> read(int pid, String file) {
        try {
            return Optional.of(Files.readString(PROC.resolve(pid + "/" + file), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static List<Integer> all() {
        List<Integer> pids = new ArrayList<>();
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (Path folder : folders) {
                pids.add(Integer.parseInt(folder.getFileName().toString()));
            }
        } catch (IOException e) {
            return List.of();
        }
        return pids;
    }
}
