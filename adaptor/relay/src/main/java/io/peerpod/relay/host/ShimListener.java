// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.SessionSpec;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The agent socket of one session. It listens from the first moment; shims that come early wait in its backlog. */
final class ShimListener implements EventLoop.Ready {
    private static final Logger log = LoggerFactory.getLogger(ShimListener.class);

    /** The Go shim dials without a pause while the backlog is full. */
    private static final int BACKLOG = 256;

    private static final Duration ACCEPT_PAUSE = Duration.ofMillis(50);

    private final Session session;
    private final ServerSocketChannel channel;

    private ShimListener(Session session, ServerSocketChannel channel) {
        this.session = session;
        this.channel = channel;
    }

    /** Binds and listens; a file that an earlier process left under the path is removed. */
    static ShimListener bind(Session session) throws IOException, RelayException {
        Path socket = session.spec().socket();
        int bytes = socket.toString().getBytes(StandardCharsets.UTF_8).length;
        if (bytes > SessionSpec.MAX_SOCKET_PATH_BYTES) {
            throw new RelayException(
                    Failure.BAD_SPEC,
                    "agent socket path " + socket + " has " + bytes + " bytes; a unix socket's path has room for "
                            + SessionSpec.MAX_SOCKET_PATH_BYTES + ": choose a shorter pods-dir");
        }
        if (!socket.isAbsolute()) {
            throw new RelayException(Failure.BAD_SPEC, "agent socket path " + socket + " is not absolute");
        }
        Path parent = socket.getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        Files.deleteIfExists(socket);
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.bind(UnixDomainSocketAddress.of(socket), BACKLOG);
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            channel.configureBlocking(false);
        } catch (IOException | RuntimeException e) {
            channel.close();
            Files.deleteIfExists(socket);
            throw e;
        }
        return new ShimListener(session, channel);
    }

    /** Goes on with a socket that a predecessor bound. */
    static ShimListener adopt(Session session, int descriptor) throws IOException {
        return new ShimListener(session, AdoptedChannels.listener(descriptor));
    }

    int descriptor() {
        return AdoptedChannels.descriptor(channel);
    }

    /** Starts to accept; only on the loop. */
    void register() throws IOException {
        channel.configureBlocking(false);
        session.loop().register(channel, SelectionKey.OP_ACCEPT, this);
    }

    @Override
    public void ready(SelectionKey key) {
        try {
            for (SocketChannel accepted = channel.accept(); accepted != null; accepted = channel.accept()) {
                ShimConnection shim = new ShimConnection(session, accepted);
                if (!session.admit(shim)) {
                    log.atWarn()
                            .addKeyValue("sandbox", session.id())
                            .log("a connection on the agent socket was turned away, there are too many");
                    accepted.close();
                    continue;
                }
                shim.register();
            }
        } catch (IOException e) {
            if (channel.isOpen()) {
                log.atError()
                        .addKeyValue("sandbox", session.id())
                        .addKeyValue("failure", e.getMessage())
                        .log("a shim's connection could not be accepted");
                key.interestOps(0);
                session.loop().after(ACCEPT_PAUSE, () -> {
                    if (key.isValid()) {
                        key.interestOps(SelectionKey.OP_ACCEPT);
                    }
                });
            }
        }
    }

    @Override
    public void failed(Throwable cause) {
        log.atError()
                .addKeyValue("sandbox", session.id())
                .setCause(cause)
                .log("an agent socket failed in an unexpected way");
    }

    /** Stops listening and removes the file. */
    void close() {
        try {
            channel.close();
            Files.deleteIfExists(session.spec().socket());
        } catch (IOException e) {
            log.atWarn()
                    .addKeyValue("sandbox", session.id())
                    .addKeyValue("failure", e.getMessage())
                    .log("an agent socket could not be removed");
        }
    }
}
