// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.Answers;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** A forwarder without TLS whose agent answers each request with the request's own payload; Health/Check is answered with success. */
final class EchoAgent implements AutoCloseable {
    private static final int HEADER_BYTES = 10;
    private static final byte[] HEALTH = "grpc.Health".getBytes(java.nio.charset.StandardCharsets.UTF_8);

    private final ServerSocketChannel listener;
    private final List<SocketChannel> connections = new CopyOnWriteArrayList<>();

    /** Requests that came, health checks apart. */
    final AtomicLong requests = new AtomicLong();

    /** While set, nobody reads. */
    volatile boolean deaf;

    EchoAgent() throws IOException {
        this(ServerSocketChannel.open(), new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    /** An agent on its own socket, for a forwarder. */
    EchoAgent(Path socket) throws IOException {
        this(ServerSocketChannel.open(StandardProtocolFamily.UNIX), UnixDomainSocketAddress.of(socket));
    }

    private EchoAgent(ServerSocketChannel listener, SocketAddress address) throws IOException {
        this.listener = listener;
        listener.bind(address, 256);
        Thread.ofVirtual().start(this::accept);
    }

    int port() {
        return listener.socket().getLocalPort();
    }

    /** Connections that were made so far. */
    List<SocketChannel> connections() {
        return connections;
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel accepted = listener.accept();
                connections.add(accepted);
                Thread.ofVirtual().start(() -> serve(accepted));
            }
        } catch (IOException _) {
            // closed
        }
    }

    private void serve(SocketChannel channel) {
        try (channel;
                DataInputStream in = new DataInputStream(Channels.newInputStream(channel))) {
            while (true) {
                while (deaf) {
                    Thread.sleep(5);
                }
                int length = in.readInt();
                ByteBuffer frame = ByteBuffer.allocate(HEADER_BYTES + length).putInt(length);
                in.readFully(frame.array(), 4, 6 + length);
                if (isHealth(frame)) {
                    write(channel, Answers.success(frame.getInt(4)));
                    continue;
                }
                requests.incrementAndGet();
                write(channel, frame.put(8, (byte) 2).clear());
            }
        } catch (IOException | InterruptedException _) {
            // The peer left.
        }
    }

    private static boolean isHealth(ByteBuffer frame) {
        int at = HEADER_BYTES + 2;
        return frame.capacity() >= at + HEALTH.length
                && frame.slice(at, HEALTH.length).equals(ByteBuffer.wrap(HEALTH));
    }

    private static void write(SocketChannel channel, ByteBuffer data) throws IOException {
        while (data.hasRemaining()) {
            channel.write(data);
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (SocketChannel connection : connections) {
            connection.close();
        }
    }
}
