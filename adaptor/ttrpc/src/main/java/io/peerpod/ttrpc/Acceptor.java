// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Accepts a server's connections and keeps count of them. */
final class Acceptor {
    private static final Logger log = LoggerFactory.getLogger(Acceptor.class);
    /** Pause after a failed accept: without one, a process that is out of descriptors would spin. */
    private static final Duration FIRST_PAUSE = Duration.ofMillis(10);

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    private final ServerSocketChannel channel;
    private final ServerSettings settings;
    private final Set<ServerConnection> connections = ConcurrentHashMap.newKeySet();
    private volatile boolean stopped;

    Acceptor(ServerSocketChannel channel, ServerSettings settings) {
        this.channel = channel;
        this.settings = settings;
    }

    void start() {
        Thread.ofVirtual().name(settings.name() + "-accept").start(this::acceptAll);
    }

    private void acceptAll() {
        Duration pause = FIRST_PAUSE;
        while (!stopped) {
            try {
                SocketChannel accepted = channel.accept();
                pause = FIRST_PAUSE;
                admit(accepted);
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                // Whatever it is, a server that stops accepting is worse.
                if (stopped) {
                    return;
                }
                log.atWarn()
                        .addKeyValue("server", settings.name())
                        .addKeyValue("failure", e.getMessage())
                        .addKeyValue("pause", pause)
                        .log("a connection could not be accepted, trying again after a pause");
                pause = sleep(pause);
            }
        }
    }

    private static Duration sleep(Duration pause) {
        try {
            Thread.sleep(pause);
        } catch (InterruptedException e) {
            // Nobody has this thread to interrupt it; closing the channel ends it.
            return pause;
        }
        Duration next = pause.multipliedBy(2);
        return next.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : next;
    }

    private void admit(SocketChannel accepted) throws IOException {
        try {
            Peer peer = Peer.of(accepted);
            if (!settings.peerCheck().test(peer)) {
                refuse(accepted, "the peer is not allowed to connect");
                return;
            }
            if (connections.size() >= settings.limits().maxConnections() && !closeOldestSilent()) {
                refuse(accepted, "the limit maxConnections is reached");
                return;
            }
            ServerConnection connection = new ServerConnection(accepted, peer, settings, connections::remove);
            connections.add(connection);
            connection.start();
            if (stopped) {
                connection.close();
            }
        } catch (IOException | RuntimeException e) {
            refuse(accepted, String.valueOf(e.getMessage()));
        }
    }

    private void refuse(SocketChannel accepted, String why) throws IOException {
        log.atDebug()
                .addKeyValue("server", settings.name())
                .addKeyValue("failure", why)
                .log("a connection was refused");
        accepted.close();
    }

    /** Makes room by closing the connection that has been silent for longest, beyond the grace; false when there is none. */
    private boolean closeOldestSilent() {
        ServerConnection oldest = null;
        for (ServerConnection connection : connections) {
            if (connection.silentFor().compareTo(settings.limits().silentGrace()) >= 0
                    && (oldest == null || connection.silentFor().compareTo(oldest.silentFor()) > 0)) {
                oldest = connection;
            }
        }
        if (oldest == null) {
            return false;
        }
        oldest.close();
        return true;
    }

    int connections() {
        return connections.size();
    }

    /** Whether no call is open and every answer has been written. */
    boolean isAtRest() {
        return connections.stream()
                .allMatch(connection ->
                        connection.openStreams() == 0 && connection.outbox().isDrained());
    }

    int openStreams() {
        return connections.stream().mapToInt(ServerConnection::openStreams).sum();
    }

    void stop() {
        stopped = true;
        try {
            channel.close();
        } catch (IOException e) {
            log.atWarn()
                    .addKeyValue("server", settings.name())
                    .setCause(e)
                    .log("the listening socket could not be closed");
        }
    }

    void closeConnections() {
        connections.forEach(ServerConnection::close);
    }
}
