// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An agent that does nothing: the floor of a benchmark of the relay, and a stand-in where no process is to run. It answers every method of
 * the agent and health services on the level of frames, with one write an answer, as real agents write.
 *
 * <p>Container {@value #BENCH_CONTAINER}: reads answer exactly the asked number of bytes at once. Any other container: the first read of
 * stdout answers one line, the next blocks until the container is killed or removed; WaitProcess blocks likewise.
 */
public final class EchoAgent implements AutoCloseable {
    /** The container whose reads never block. */
    public static final String BENCH_CONTAINER = "bench";

    /** Connections accepted and not yet served by a thread; far above what shims open. */
    private static final int BACKLOG = 128;

    private static final Logger LOG = LoggerFactory.getLogger(EchoAgent.class);

    private final ServerSocketChannel server;
    private final EchoProcesses processes = new EchoProcesses();
    private final Set<SocketChannel> connections = ConcurrentHashMap.newKeySet();

    private final boolean threadPerRequest;

    private EchoAgent(ServerSocketChannel server, boolean threadPerRequest) {
        this.server = server;
        this.threadPerRequest = threadPerRequest;
    }

    /**
     * Replaces whatever is at the path, listens and serves.
     *
     * @param threadPerRequest whether each request is handled by a virtual thread of its own, as real agents do it with a task or a goroutine;
     *     otherwise it is answered where it was read, which is as fast as it gets
     */
    public static EchoAgent listen(Path socket, boolean threadPerRequest) throws IOException {
        Path folder = socket.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        Files.deleteIfExists(socket);
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket), BACKLOG);
        EchoAgent agent = new EchoAgent(server, threadPerRequest);
        Thread.ofPlatform().name("echo-accept").start(agent::accept);
        return agent;
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel connection = server.accept();
                connections.add(connection);
                Thread.ofPlatform().name("echo-connection").daemon().start(() -> serve(connection));
            }
        } catch (IOException e) {
            // The listener was closed: the only way out of the loop.
            LOG.debug("the echo agent stops accepting", e);
        }
    }

    private void serve(SocketChannel connection) {
        try (connection) {
            new EchoConnection(connection, processes, threadPerRequest).run();
        } catch (IOException e) {
            LOG.debug("a connection to the echo agent ended", e);
        } finally {
            connections.remove(connection);
        }
    }

    /** Stops listening and closes every connection. */
    @Override
    public void close() throws IOException {
        server.close();
        for (SocketChannel connection : connections) {
            connection.close();
        }
    }
}
