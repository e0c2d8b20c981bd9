// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A process of this machine, told apart from a later one with the same number by its start time.
 *
 * @param pid in this process's PID namespace
 * @param startTicks clock ticks after boot, field 22 of {@code /proc/pid/stat} (proc(5))
 */
record ProcessIdentity(int pid, long startTicks) {
    /** Index of the start time among the fields after the command's closing parenthesis, where field 3 comes first. */
    private static final int START_TIME = 22 - 3;

    /** This process. */
    static ProcessIdentity self() {
        int pid = Math.toIntExact(ProcessHandle.current().pid());
        return of(pid).orElseThrow(
                        () -> new IllegalStateException(
                                "/proc/" + pid
                                        + "/stat cannot be read: the local cloud needs the proc file system of its own PID namespace on /proc"));
    }

    /** The live process of that number. */
    static Optional<ProcessIdentity> of(int pid) {
        return stat(pid)
                .filter(fields -> !isOver(fields))
                .map(fields -> new ProcessIdentity(pid, Long.parseLong(fields[START_TIME])));
    }

    /** Whether it runs; a zombie does not. */
    boolean isAlive() {
        return of(pid).filter(this::equals).isPresent();
    }

    /** Sends SIGKILL; a process that is gone already is fine. */
    void kill() throws ErrnoException {
        if (!isAlive()) {
            return;
        }
        try {
            Libc.system().kill(pid, Constants.SIGKILL);
        } catch (ErrnoException e) {
            if (!e.is(Errno.ESRCH)) {
                throw e;
            }
        }
    }

    private static boolean isOver(String[] fields) {
        return fields[0].equals("Z") || fields[0].equals("X");
    }

    private static Optional<String[]> stat(int pid) {
        try {
            String line = Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
            String[] fields = line.substring(line.lastIndexOf(')') + 1).strip().split(" ", -1);
            return fields.length > START_TIME ? Optional.of(fields) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
