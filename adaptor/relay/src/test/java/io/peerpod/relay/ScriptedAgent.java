// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An agent on a unix socket that answers each frame as a test says. Health checks are answered by themselves. */
public final class ScriptedAgent implements AutoCloseable {
    /** What to do with a frame; runs on the connection's thread. */
    public interface Script {
        /** Handles a frame. */
        void handle(Connection connection, TestFrame frame) throws IOException;
    }

    /** One accepted connection. */
    public static final class Connection {
        private final SocketChannel channel;

        private Connection(SocketChannel channel) {
            this.channel = channel;
        }

        /** Sends a frame as a whole. */
        public synchronized void send(TestFrame frame) throws IOException {
            ByteBuffer bytes = ByteBuffer.wrap(frame.bytes());
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }

        /** Hangs up. */
        public void close() throws IOException {
            channel.close();
        }
    }

    private final ServerSocketChannel listener;
    private final Path socket;
    private final List<Connection> connections = new CopyOnWriteArrayList<>();
    private final List<TestFrame> frames = new CopyOnWriteArrayList<>();
    private volatile Script script;

    /** Listens on a path. */
    public ScriptedAgent(Path socket, Script script) throws IOException {
        this.socket = socket;
        this.script = script;
        Files.deleteIfExists(socket);
        listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(socket), 128);
        Thread.ofVirtual().start(this::accept);
    }

    /** Answers every request with its own payload bytes as response. */
    public static void echo(Connection connection, TestFrame frame) throws IOException {
        connection.send(new TestFrame(frame.id(), 2, 0, frame.payload()));
    }

    /** Changes the script. */
    public void script(Script next) {
        script = next;
    }

    /** All connections so far. */
    public List<Connection> connections() {
        return connections;
    }

    /** All frames so far, without health checks. */
    public List<TestFrame> frames() {
        return frames;
    }

    private void accept() {
        try {
            while (true) {
                Connection connection = new Connection(listener.accept());
                connections.add(connection);
                if (!listener.isOpen()) {
                    connection.close();
                }
                Thread.ofVirtual().start(() -> serve(connection));
            }
        } catch (IOException _) {
            // closed
        }
    }

    private void serve(Connection connection) {
        try (InputStream in = Channels.newInputStream(connection.channel);
                OutputStream _ = Channels.newOutputStream(connection.channel)) {
            while (true) {
                TestFrame frame = TestFrame.read(in);
                if (frame.contains("grpc.Health")) {
                    connection.send(TestFrame.response(frame.id(), new byte[] {0x12, 0x02, 0x08, 0x01}));
                } else {
                    frames.add(frame);
                    script.handle(connection, frame);
                }
            }
        } catch (IOException _) {
            // The peer left.
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Connection connection : connections) {
            connection.close();
        }
        Files.deleteIfExists(socket);
    }
}
