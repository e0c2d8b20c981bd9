// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.LoopBuffers;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * The server side of one TLS handshake on the loop; its expensive steps run elsewhere. Until a whole first record has arrived it has no engine and hardly a buffer, so that
 * connections that stay silent, or stop in their first message, cost a descriptor and little else.
 */
final class ServerHandshake implements EventLoop.Ready {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
    private static final int RECORD_HEADER_BYTES = 5;
    private static final byte HANDSHAKE_RECORD = 22;

    /** Who waits for the outcome; called on the loop. */
    interface Listener {
        /** A whole first record came; gives the engine for this connection, or null to have it closed. */
        @Nullable
        SSLEngine started(ServerHandshake handshake);

        /** Done; the rest is cipher text of the client that was read already. */
        void finished(ServerHandshake handshake, SelectionKey key, SSLEngine engine, ByteBuffer rest);

        /** It will not come to anything; the channel is closed. */
        void broken(ServerHandshake handshake, String why);
    }

    private final EventLoop loop;
    private final SocketChannel channel;
    private final Executor expensive;
    private final Listener listener;
    private @Nullable SSLEngine engine;
    private ByteBuffer received = NOTHING;
    private ByteBuffer unsent = NOTHING;
    private boolean over;

    ServerHandshake(EventLoop loop, SocketChannel channel, Executor expensive, Listener listener) {
        this.loop = loop;
        this.channel = channel;
        this.expensive = expensive;
        this.listener = listener;
    }

    SocketChannel channel() {
        return channel;
    }

    @Override
    public void ready(SelectionKey key) throws IOException {
        if (over) {
            return;
        }
        if (key.isWritable()) {
            channel.write(unsent);
        }
        if (key.isReadable() && !receive()) {
            return;
        }
        SSLEngine tls = engine;
        if (tls == null) {
            tls = listener.started(this);
            if (tls == null) {
                close();
                return;
            }
            tls.beginHandshake();
            engine = tls;
        }
        advance(key, tls);
    }

    /** Reads what is there; false while even the first record is not whole. */
    private boolean receive() throws IOException {
        if (received.limit() == received.capacity()) {
            received = larger(received);
        }
        received.compact();
        int count = channel.read(received);
        received.flip();
        if (count < 0) {
            throw new EOFException("closed by the peer");
        }
        // What does not begin like a handshake record is left to the engine to refuse.
        return engine != null
                || (received.hasRemaining() && received.get(0) != HANDSHAKE_RECORD)
                || (received.remaining() >= RECORD_HEADER_BYTES
                        && received.remaining() >= RECORD_HEADER_BYTES + (received.getShort(3) & 0xffff));
    }

    private static ByteBuffer larger(ByteBuffer full) throws SSLException {
        int capacity = full.capacity() < LoopBuffers.RECORD_BYTES
                ? Math.min(LoopBuffers.RECORD_BYTES, 2048 + 4 * full.capacity())
                : 0;
        if (capacity == 0) {
            if (full.position() > 0) {
                return full;
            }
            throw new SSLException("a TLS record is longer than the protocol allows");
        }
        return ByteBuffer.allocate(capacity).put(full).flip();
    }

    private void advance(SelectionKey key, SSLEngine tls) throws IOException {
        while (!unsent.hasRemaining()) {
            switch (tls.getHandshakeStatus()) {
                case NEED_TASK -> {
                    key.interestOps(0);
                    runElsewhere(key, tls);
                    return;
                }
                case NEED_WRAP -> {
                    ByteBuffer cipher = ByteBuffer.allocate(LoopBuffers.RECORD_BYTES);
                    tls.wrap(NOTHING.duplicate(), cipher);
                    channel.write(cipher.flip());
                    unsent = cipher;
                }
                case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> {
                    if (!unwrap(tls)) {
                        key.interestOps(SelectionKey.OP_READ);
                        return;
                    }
                }
                case FINISHED, NOT_HANDSHAKING -> {
                    over = true;
                    listener.finished(this, key, tls, received);
                    return;
                }
            }
        }
        key.interestOps(SelectionKey.OP_WRITE);
    }

    private boolean unwrap(SSLEngine tls) throws IOException {
        SSLEngineResult result = tls.unwrap(received, loop.buffers().plain());
        return switch (result.getStatus()) {
            case OK -> true;
            case BUFFER_UNDERFLOW -> false;
            case BUFFER_OVERFLOW -> throw new SSLException("a TLS record is longer than the protocol allows");
            case CLOSED -> throw new EOFException("closed by the peer");
        };
    }

    private void runElsewhere(SelectionKey key, SSLEngine tls) {
        expensive.execute(() -> {
            for (Runnable task = tls.getDelegatedTask(); task != null; task = tls.getDelegatedTask()) {
                task.run();
            }
            loop.execute(() -> {
                if (over || !key.isValid()) {
                    return;
                }
                try {
                    advance(key, tls);
                } catch (IOException | RuntimeException e) {
                    failed(e);
                }
            });
        });
    }

    @Override
    public void failed(Throwable cause) {
        if (over) {
            return;
        }
        sendAlert();
        close();
        String message = cause.getMessage();
        listener.broken(this, message == null ? cause.getClass().getSimpleName() : message);
    }

    private void sendAlert() {
        SSLEngine tls = engine;
        if (tls == null || unsent.hasRemaining()) {
            return;
        }
        try {
            ByteBuffer cipher = ByteBuffer.allocate(LoopBuffers.RECORD_BYTES);
            tls.wrap(NOTHING.duplicate(), cipher);
            channel.write(cipher.flip());
        } catch (IOException _) {
            // It was a courtesy to a peer that did not get in.
        }
    }

    /** Ends it without a word to the listener. */
    void close() {
        over = true;
        try {
            channel.close();
        } catch (IOException _) {
            // The descriptor is gone either way.
        }
    }
}
