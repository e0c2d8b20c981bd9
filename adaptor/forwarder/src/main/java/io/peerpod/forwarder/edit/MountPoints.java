// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The mount points of this process's namespace, as the kernel lists them (proc_pid_mountinfo(5)).
 *
 * @param mountInfo {@code /proc/self/mountinfo}
 */
record MountPoints(Path mountInfo) {

    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);
    private static final int MOUNT_POINT_COLUMN = 4;

    /** Whether something is mounted exactly there. */
    boolean contain(String path) throws IOException {
        try (BufferedReader lines = Files.newBufferedReader(mountInfo, StandardCharsets.ISO_8859_1)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] columns = line.split(" ", MOUNT_POINT_COLUMN + 2);
                if (columns.length > MOUNT_POINT_COLUMN
                        && decode(columns[MOUNT_POINT_COLUMN]).equals(path)) {
                    return true;
                }
            }
        }
        return false;
    }

    /**
     * Waits until something is mounted there.
     *
     * @return whether that happened within the time
     */
    boolean await(String path, Duration atMost) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        Duration pause = FIRST_PAUSE;
        while (!contain(path)) {
            Duration left = Duration.ofNanos(deadline - System.nanoTime());
            if (!left.isPositive()) {
                return false;
            }
            Thread.sleep(pause.compareTo(left) < 0 ? pause : left);
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        }
        return true;
    }

    /** The kernel writes space, tab, newline and backslash as a backslash and three octal digits. */
    private static String decode(String column) {
        byte[] bytes = column.getBytes(StandardCharsets.ISO_8859_1);
        byte[] decoded = new byte[bytes.length];
        int length = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\\' && i + 3 < bytes.length && octal(bytes, i + 1)) {
                decoded[length++] = (byte) Integer.parseInt(column, i + 1, i + 4, 8);
                i += 3;
            } else {
                decoded[length++] = bytes[i];
            }
        }
        return new String(decoded, 0, length, StandardCharsets.UTF_8);
    }

    private static boolean octal(byte[] bytes, int at) {
        for (int i = at; i < at + 3; i++) {
            if (bytes[i] < '0' || bytes[i] > '7') {
                return false;
            }
        }
        return true;
    }
}
