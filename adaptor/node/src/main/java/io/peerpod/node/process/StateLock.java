// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Set;

/** Only one daemon at a time may work on a state folder; the kernel frees the lock of a dead one. */
public final class StateLock implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(20);

    private final FileChannel channel;

    private StateLock(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Takes the lock, waiting for a predecessor to let go of it.
     *
     * @param whileWaiting is run once when there is somebody to wait for
     */
    public static StateLock acquire(Path stateFolder, Runnable whileWaiting) throws IOException, InterruptedException {
        FileChannel channel = FileChannel.open(
                stateFolder.resolve("lock"),
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        boolean told = false;
        try {
            while (true) {
                if (isFree(channel)) {
                    return new StateLock(channel);
                }
                if (!told) {
                    told = true;
                    whileWaiting.run();
                }
                Thread.sleep(POLL);
            }
        } catch (IOException | InterruptedException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static boolean isFree(FileChannel channel) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            // Held by this very process.
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
