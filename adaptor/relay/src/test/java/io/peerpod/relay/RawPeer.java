// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The other end of a socket: writes what it is told, collects the frames that come. */
public final class RawPeer implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final TestFrame END = TestFrame.response(-1, new byte[0]);

    private final SocketChannel channel;
    private final BlockingQueue<TestFrame> frames = new LinkedBlockingQueue<>();

    private RawPeer(SocketChannel channel) {
        this.channel = channel;
    }

    /** Connects and reads whatever comes. */
    public static RawPeer connect(SocketAddress address) throws IOException {
        RawPeer peer = connectSilently(address);
        peer.startReading();
        return peer;
    }

    /** Connects to a unix socket and reads whatever comes. */
    public static RawPeer connect(Path socket) throws IOException {
        return connect(UnixDomainSocketAddress.of(socket));
    }

    /** Connects and does not read. */
    public static RawPeer connectSilently(SocketAddress address) throws IOException {
        return new RawPeer(SocketChannel.open(address));
    }

    /** Uses a connected channel and reads whatever comes. */
    public static RawPeer over(SocketChannel channel) {
        RawPeer peer = new RawPeer(channel);
        peer.startReading();
        return peer;
    }

    /** Reads from now on. */
    public void startReading() {
        Thread.ofVirtual().start(() -> {
            try (InputStream in = java.nio.channels.Channels.newInputStream(channel)) {
                while (true) {
                    frames.add(TestFrame.read(in));
                }
            } catch (IOException _) {
                frames.add(END);
            }
        });
    }

    /** Sends a frame as a whole. */
    public RawPeer send(TestFrame frame) throws IOException {
        return send(frame.bytes());
    }

    /** Sends bytes. */
    public RawPeer send(byte[] bytes) throws IOException {
        ByteBuffer data = ByteBuffer.wrap(bytes);
        while (data.hasRemaining()) {
            channel.write(data);
        }
        return this;
    }

    /** The next frame. */
    @SuppressWarnings("ReferenceEquality") // the end is one object
    public TestFrame next() throws IOException {
        try {
            TestFrame frame = frames.poll(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            if (frame == null) {
                throw new IOException("no frame within " + PATIENCE);
            }
            if (frame == END) {
                frames.add(END);
                throw new EOFException("closed by the peer");
            }
            return frame;
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    /** Whether the next thing is the end of the connection. */
    public boolean ended() throws IOException {
        try {
            TestFrame frame = next();
            throw new IOException("expected the end of the connection, got " + frame);
        } catch (EOFException _) {
            return true;
        }
    }

    /** Frames that came and were not taken. */
    public int waiting() {
        return frames.size();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
