// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;

/**
 * The guest's files, named by their absolute guest path, below one root folder.
 *
 * @param root {@code /} in a pod VM, a temporary folder in tests
 */
public record GuestFiles(Path root) {

    /** Owner reads and writes: keys and registry credentials. */
    static final Set<PosixFilePermission> SECRET = PosixFilePermissions.fromString("rw-------");

    /** Everybody reads: configuration of other components, which may run under another user. */
    static final Set<PosixFilePermission> READABLE = PosixFilePermissions.fromString("rw-r--r--");

    private static final Set<PosixFilePermission> FOLDER = PosixFilePermissions.fromString("rwxr-xr-x");

    /** The files of the machine this runs on. */
    public static GuestFiles ofThisMachine() {
        return new GuestFiles(Path.of("/"));
    }

    /** Where a guest path lies below the root. */
    public Path locate(String guestPath) {
        return root.resolve(guestPath.startsWith("/") ? guestPath.substring(1) : guestPath);
    }

    /** Whether a guest path exists. */
    public boolean exists(String guestPath) {
        return Files.exists(locate(guestPath));
    }

    /**
     * Reads a file that must not be larger than a limit.
     *
     * @return empty if there is no such file
     * @throws IOException naming the file, also when it is too large
     */
    Optional<byte[]> read(String guestPath, int limitBytes) throws IOException {
        Path file = locate(guestPath);
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(limitBytes + 1);
            if (content.length > limitBytes) {
                throw new IOException(file + " is larger than the limit of " + limitBytes + " bytes");
            }
            return Optional.of(content);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /**
     * Replaces a file: a reader sees the old content or the new one, also after a power cut. Creates the folder.
     *
     * @throws IOException if the file could not be written; the old one then still stands
     */
    void write(String guestPath, byte[] content, Set<PosixFilePermission> mode) throws IOException {
        Path file = locate(guestPath);
        Path folder = file.toAbsolutePath().getParent();
        Path fileName = file.getFileName();
        if (folder == null || fileName == null) {
            throw new IOException("'" + guestPath + "' does not name a file");
        }
        Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(FOLDER));
        // One fixed name: what a killed run left behind is removed by the next one.
        Path temporary = folder.resolve("." + fileName + ".new");
        Files.deleteIfExists(temporary);
        try {
            try (FileChannel out = FileChannel.open(
                    temporary,
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(SECRET))) {
                ByteBuffer rest = ByteBuffer.wrap(content);
                while (rest.hasRemaining()) {
                    out.write(rest);
                }
                Files.setPosixFilePermissions(temporary, mode);
                out.force(true);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            deleteQuietly(temporary, e);
            throw e;
        }
        try (FileChannel entry = FileChannel.open(folder, StandardOpenOption.READ)) {
            entry.force(true);
        }
    }

    private static void deleteQuietly(Path file, IOException cause) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }
}
