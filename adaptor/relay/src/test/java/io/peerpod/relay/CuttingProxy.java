// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A path between two halves that breaks when it is told to: with a reset, in the middle of a record, or without a word. */
public final class CuttingProxy implements AutoCloseable {
    private static final int PIECE_BYTES = 32 << 10;

    private final ServerSocketChannel listener;
    private final InetSocketAddress target;
    private final Map<SocketChannel, SocketChannel> pairs = new ConcurrentHashMap<>();
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicLong untilCut = new AtomicLong(Long.MAX_VALUE);
    private volatile boolean silent;

    /** A path to this address, on a port of its own. */
    public CuttingProxy(InetSocketAddress target) throws IOException {
        this.target = target;
        listener = ServerSocketChannel.open();
        listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 4096);
        Thread.ofVirtual().start(this::accept);
    }

    /** Where to connect to. */
    public InetSocketAddress address() throws IOException {
        return (InetSocketAddress) listener.getLocalAddress();
    }

    /** How many connections were made over this path. */
    public int connections() {
        return connections.get();
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel from = listener.accept();
                connections.incrementAndGet();
                Thread.ofVirtual().start(() -> connect(from));
            }
        } catch (IOException _) {
            // Closed.
        }
    }

    private void connect(SocketChannel from) {
        try {
            SocketChannel to = SocketChannel.open(target);
            from.setOption(StandardSocketOptions.TCP_NODELAY, true);
            to.setOption(StandardSocketOptions.TCP_NODELAY, true);
            pairs.put(from, to);
            Thread.ofVirtual().start(() -> pump(from, to));
            pump(to, from);
        } catch (IOException e) {
            reset(from);
        }
    }

    private void pump(SocketChannel from, SocketChannel to) {
        ByteBuffer data = ByteBuffer.allocate(PIECE_BYTES);
        boolean deaf = false;
        try {
            while (from.read(data.clear()) >= 0) {
                data.flip();
                deaf |= silent;
                if (deaf) {
                    continue; // What the sender believes to be delivered is not; this connection cannot recover.
                }
                long left = untilCut.getAndAdd(-data.remaining());
                if (left <= data.remaining()) {
                    data.limit((int) Math.max(0, left));
                    while (data.hasRemaining()) {
                        to.write(data);
                    }
                    untilCut.set(Long.MAX_VALUE);
                    throw new IOException("cut");
                }
                while (data.hasRemaining()) {
                    to.write(data);
                }
            }
            if (!deaf) {
                to.shutdownOutput();
            }
        } catch (IOException _) {
            reset(from);
            reset(to);
        }
    }

    private void reset(SocketChannel channel) {
        try {
            pairs.remove(channel);
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            channel.close();
        } catch (IOException _) {
            // It is gone.
        }
    }

    /** Resets everything that is open. */
    public void cut() {
        pairs.forEach((from, to) -> {
            reset(from);
            reset(to);
        });
    }

    /** Resets once this many more bytes went by, in whatever direction: the last record arrives in part. */
    public void cutAfter(long bytes) {
        untilCut.set(bytes);
    }

    /** Swallows whatever comes without a word, or stops to. A connection of which something was swallowed stays deaf. */
    public void silence(boolean on) {
        silent = on;
    }

    @Override
    public void close() throws IOException {
        listener.close();
        cut();
    }
}
