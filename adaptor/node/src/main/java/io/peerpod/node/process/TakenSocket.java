// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A Unix socket that replaces its predecessor in one step: it listens under another name first and is renamed over the old one, so
 * that no call ever meets a missing or a deaf socket. It is unlinked at the end only if no successor took it meanwhile.
 */
public final class TakenSocket implements AutoCloseable {
    private static final int BACKLOG = 1024;

    private final Path path;
    private final ServerSocketChannel channel;
    private final @Nullable Object key;

    private TakenSocket(Path path, ServerSocketChannel channel, @Nullable Object key) {
        this.path = path;
        this.channel = channel;
        this.key = key;
    }

    /** Longest name that is bound for the socket of this path, its temporary name included. */
    public static int longestName(Path path) {
        return Math.max(path.toString().length(), temporary(path).toString().length());
    }

    /**
     * Listens, in place of whoever did before.
     *
     * @throws IOException if something other than a socket is in the way, or the path cannot be used
     */
    public static TakenSocket take(Path path) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        if (Files.exists(path)
                && !Files.readAttributes(path, BasicFileAttributes.class).isOther()) {
            throw new IOException(path + " exists and is no socket; remove it, or choose another -socket");
        }
        Path temporary = temporary(path);
        Files.deleteIfExists(temporary);
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.bind(UnixDomainSocketAddress.of(temporary), BACKLOG);
            Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rw-------"));
            Object key =
                    Files.readAttributes(temporary, BasicFileAttributes.class).fileKey();
            Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return new TakenSocket(path, channel, key);
        } catch (IOException e) {
            channel.close();
            Files.deleteIfExists(temporary);
            throw new IOException("cannot listen on " + path + ": " + e.getMessage(), e);
        }
    }

    private static Path temporary(Path path) {
        return path.resolveSibling(".hv" + ProcessHandle.current().pid());
    }

    /** The listening channel. */
    public ServerSocketChannel channel() {
        return channel;
    }

    /** Whether the path still leads here. */
    public boolean isOurs() {
        try {
            return Objects.equals(
                    key, Files.readAttributes(path, BasicFileAttributes.class).fileKey());
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        if (isOurs()) {
            Files.deleteIfExists(path);
        }
        channel.close();
    }
}
