// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What falls to the first process of a PID namespace: zombies whose parents are gone are its children and nobody else's. It looks for
 * them from time to time and leaves those alone that were zombies only since the last look: the JDK fetches the status of its own
 * children at once, and a status that was fetched here would be missing there.
 */
public final class OrphanReaper {
    private static final Logger log = LoggerFactory.getLogger(OrphanReaper.class);

    private static final Duration PAUSE = Duration.ofSeconds(2);

    // Indices among the fields of /proc/pid/stat behind the command's closing parenthesis (proc(5)).
    private static final int STATE = 0;
    private static final int PARENT = 1;

    private final String self = Long.toString(ProcessHandle.current().pid());
    private Set<Integer> seen = new HashSet<>();

    private OrphanReaper() {}

    /** Starts looking, for the process's life. */
    public static void start() {
        OrphanReaper reaper = new OrphanReaper();
        Thread.ofVirtual().name("orphan-reaper").start(reaper::run);
    }

    private void run() {
        try {
            while (true) {
                Thread.sleep(PAUSE);
                look();
            }
        } catch (InterruptedException e) {
            // Nobody does.
        }
    }

    private void look() {
        Set<Integer> zombies = zombies();
        for (int pid : zombies) {
            if (seen.contains(pid)) {
                reap(pid);
            }
        }
        seen = zombies;
    }

    private static void reap(int pid) {
        try {
            Libc.system().waitid(Constants.P_PID, pid, Constants.WEXITED | Constants.WNOHANG);
            log.atDebug().addKeyValue("pid", pid).log("an orphan was reaped");
        } catch (ErrnoException e) {
            // Somebody else was faster.
        }
    }

    private Set<Integer> zombies() {
        Set<Integer> zombies = new HashSet<>();
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path folder : folders) {
                String[] fields = fields(folder);
                if (fields.length > PARENT && fields[STATE].equals("Z") && fields[PARENT].equals(self)) {
                    zombies.add(Integer.parseInt(folder.getFileName().toString()));
                }
            }
        } catch (IOException e) {
            log.atWarn().setCause(e).log("/proc could not be listed");
        }
        return zombies;
    }

    private static String[] fields(Path process) {
        try {
            String line = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
            return line.substring(line.lastIndexOf(')') + 1).strip().split(" ", -1);
        } catch (IOException e) {
            return new String[0];
        }
    }
}
