// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;

/**
 * The file on the configuration disk, or one that was uploaded.
 *
 * <p>An upload makes the file appear before it is complete (W-H5): a file younger than the settling time is read again until
 * two reads that far apart agree. A file of a configuration disk is older and is taken at once.
 */
final class FileSource implements UserDataSource {

    private final GuestFiles files;
    private final String guestPath;
    private final Duration settling;

    FileSource(GuestFiles files, String guestPath, Duration settling) {
        this.files = files;
        this.guestPath = guestPath;
        this.settling = settling;
    }

    @Override
    public String name() {
        return "file " + files.locate(guestPath);
    }

    @Override
    public byte[] fetch(Duration budget) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + budget.toNanos();
        byte[] content = read();
        Path file = files.locate(guestPath);
        while (!settling.isZero() && young(file)) {
            if (System.nanoTime() - deadline >= 0) {
                throw new IOException(file + " is still being written");
            }
            Thread.sleep(settling);
            byte[] again = read();
            if (Arrays.equals(content, again)) {
                break;
            }
            content = again;
        }
        if (content.length == 0) {
            throw new IOException(file + " is empty");
        }
        return content;
    }

    private boolean young(Path file) throws IOException {
        Duration age = Duration.between(Files.getLastModifiedTime(file).toInstant(), Instant.now());
        return !age.isNegative() && age.compareTo(settling) < 0;
    }

    private byte[] read() throws IOException {
        return files.read(guestPath, Sources.USER_DATA_LIMIT_BYTES)
                .orElseThrow(() -> new IOException(files.locate(guestPath) + " does not exist"));
    }
}
