// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a process has used, from proc(5).
 *
 * @param pid its id
 * @param cpu user and system time
 * @param residentKib VmRSS
 * @param peakKib VmHWM
 */
record ProcessUsage(long pid, Duration cpu, long residentKib, long peakKib) {
    /** USER_HZ, which the kernel fixes at 100 for what it shows to programs, on every architecture we run on. */
    private static final int TICKS_PER_SECOND = 100;

    /** Reads it now. */
    static ProcessUsage of(long pid) throws IOException {
        Path proc = Path.of("/proc", Long.toString(pid));
        String stat = Files.readString(proc.resolve("stat"));
        // The name in parentheses may hold spaces: fields are counted after its end. utime and stime are fields 14 and
        // 15.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        long ticks = Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
        List<String> status = Files.readAllLines(proc.resolve("status"));
        return new ProcessUsage(
                pid,
                Duration.ofNanos(ticks * (1_000_000_000L / TICKS_PER_SECOND)),
                kib(status, "VmRSS:"),
                kib(status, "VmHWM:"));
    }

    private static long kib(List<String> status, String key) {
        return status.stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.replaceAll("[^0-9]", ""))
                .mapToLong(Long::parseLong)
                .findFirst()
                .orElse(0);
    }
}
