// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps every VM's console within bounds for as long as a daemon runs: a log above {@link #MAX_BYTES} moves its last part to
 * {@code console.log.old} and starts anew. VMs append to the file, so cutting it under them is safe; what they write between the copy
 * and the cut is lost.
 */
final class ConsoleTrimmer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ConsoleTrimmer.class);

    /** Bytes of a console that are kept before it is cut. */
    static final long MAX_BYTES = 4L << 20;

    /** Bytes that are kept of what is cut. */
    static final long OLD_BYTES = 1L << 20;

    private static final Duration PAUSE = Duration.ofSeconds(5);

    private final VmStore store;
    private final Thread thread;

    private ConsoleTrimmer(VmStore store) {
        this.store = store;
        this.thread = Thread.ofVirtual().name("local-cloud-consoles").unstarted(this::run);
    }

    static ConsoleTrimmer start(VmStore store) {
        ConsoleTrimmer trimmer = new ConsoleTrimmer(store);
        trimmer.thread.start();
        return trimmer;
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void run() {
        try {
            while (true) {
                Thread.sleep(PAUSE);
                try {
                    for (VmRecord record : store.all()) {
                        trim(store.console(record.token().instanceName()));
                    }
                } catch (IOException e) {
                    log.atWarn().setCause(e).log("the consoles of the local cloud's pod VMs were not looked at");
                }
            }
        } catch (InterruptedException e) {
            // Closed.
        }
    }

    static void trim(Path console) throws IOException {
        Path old = console.resolveSibling("console.log.old");
        try (FileChannel file = FileChannel.open(console, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            long size = file.size();
            if (size <= MAX_BYTES) {
                return;
            }
            try (FileChannel copy = FileChannel.open(
                    old, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
                file.transferTo(size - OLD_BYTES, OLD_BYTES, copy);
            }
            file.truncate(0);
            if (Files.notExists(console)) {
                Files.deleteIfExists(old);
            }
        } catch (NoSuchFileException e) {
            // The VM is being deleted.
        }
    }
}
