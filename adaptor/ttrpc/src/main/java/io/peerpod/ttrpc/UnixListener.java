// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A listening Unix socket and its file. */
final class UnixListener implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(UnixListener.class);
    /** What fits into sun_path with its closing zero, bytes. */
    private static final int MAX_PATH_BYTES = 107;

    private final Path path;
    private final ServerSocketChannel channel;
    private final @Nullable Object fileKey;

    private UnixListener(Path path, ServerSocketChannel channel, @Nullable Object fileKey) {
        this.path = path;
        this.channel = channel;
        this.fileKey = fileKey;
    }

    static UnixListener bind(Path path, int backlog, Set<PosixFilePermission> mode) throws IOException {
        checkLength(path);
        removeStale(path);
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.bind(UnixDomainSocketAddress.of(path), backlog);
            Files.setPosixFilePermissions(path, mode);
            return new UnixListener(path, channel, fileKey(path));
        } catch (IOException e) {
            channel.close();
            throw new IOException("cannot listen on the socket " + path + ": " + e.getMessage(), e);
        }
    }

    static void checkLength(Path path) throws IOException {
        int bytes = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (bytes > MAX_PATH_BYTES) {
            throw new IOException("the socket path " + path + " has " + bytes + " bytes, the kernel allows "
                    + MAX_PATH_BYTES + ": choose a shorter folder");
        }
    }

    private static void removeStale(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .isOther()) {
            throw new IOException(
                    "cannot listen on " + path + ": something that is no socket has that name; move it away");
        }
        boolean inUse;
        try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            inUse = probe.isConnected();
        } catch (IOException e) {
            inUse = false;
        }
        if (inUse) {
            throw new IOException("cannot listen on " + path + ": another process listens there; stop it first");
        }
        Files.deleteIfExists(path);
    }

    private static @Nullable Object fileKey(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .fileKey();
    }

    ServerSocketChannel channel() {
        return channel;
    }

    /** Closes the socket and removes its file, unless a successor has put its own there. */
    @Override
    public void close() {
        try {
            channel.close();
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && Objects.equals(fileKey, fileKey(path))) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            log.atWarn().addKeyValue("socket", path).setCause(e).log("the socket file could not be removed");
        }
    }
}
