// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a forwarder while it is still used by blocking code: handshake and health probe. {@link #link} hands it to an event loop for good. Not for use by two
 * threads at once; {@link #close} may come from any and ends whatever blocks.
 */
public final class Upstream implements AutoCloseable {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final SocketChannel channel;
    private final @Nullable SSLEngine engine;
    private final ByteBuffer cipherIn;

    private Upstream(SocketChannel channel, @Nullable SSLEngine engine) {
        this.channel = channel;
        this.engine = engine;
        cipherIn = ByteBuffer.allocate(engine == null ? 0 : LoopBuffers.RECORD_BYTES)
                .flip();
    }

    /** A connection without TLS. */
    public static Upstream plain(SocketChannel connected) {
        return new Upstream(connected, null);
    }

    /**
     * Does the handshake of a client engine over a connected, blocking channel. The channel stays the caller's to close when this throws.
     *
     * @throws SSLException when TLS is what failed
     */
    public static Upstream handshake(SocketChannel connected, SSLEngine engine) throws IOException {
        Upstream upstream = new Upstream(connected, engine);
        engine.beginHandshake();
        try {
            upstream.shakeHands(engine);
        } catch (SSLException e) {
            upstream.sendAlert(engine);
            throw e;
        }
        return upstream;
    }

    private void shakeHands(SSLEngine engine) throws IOException {
        ByteBuffer nothing = ByteBuffer.allocate(LoopBuffers.RECORD_BYTES);
        while (true) {
            switch (engine.getHandshakeStatus()) {
                case NEED_TASK -> runTasks(engine);
                case NEED_WRAP -> wrap(engine, NOTHING.duplicate());
                case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> unwrap(engine, nothing);
                case FINISHED, NOT_HANDSHAKING -> {
                    return;
                }
            }
        }
    }

    /** The application protocol that was agreed on, empty for none. */
    public String protocol() {
        SSLEngine tls = engine;
        String agreed = tls == null ? null : tls.getApplicationProtocol();
        return agreed == null ? "" : agreed;
    }

    /** Sends everything. */
    public void write(ByteBuffer data) throws IOException {
        SSLEngine tls = engine;
        while (data.hasRemaining()) {
            if (tls == null) {
                channel.write(data);
            } else {
                wrap(tls, data);
            }
        }
    }

    /**
     * Waits for some bytes.
     *
     * @param data with room for a whole record of plain text, 16 KiB
     * @throws EOFException when the peer closed
     */
    public void read(ByteBuffer data) throws IOException {
        SSLEngine tls = engine;
        int before = data.position();
        while (data.position() == before) {
            if (tls == null) {
                if (channel.read(data) < 0) {
                    throw new EOFException("closed by the peer");
                }
            } else {
                unwrap(tls, data);
                afterHandshakeMessage(tls);
            }
        }
    }

    /** Gives the connection to an event loop, on whose thread this must be called; it reads at once. */
    public Link link(EventLoop loop, Link.Handler handler) throws IOException {
        SSLEngine tls = engine;
        if (tls == null) {
            PlainLink link = new PlainLink(loop, channel, handler);
            link.register();
            return link;
        }
        TlsLink link = new TlsLink(loop, channel, tls, cipherIn, handler);
        link.register();
        loop.execute(link::handleEarlyData);
        return link;
    }

    private void afterHandshakeMessage(SSLEngine tls) throws IOException {
        while (tls.getHandshakeStatus() == HandshakeStatus.NEED_TASK
                || tls.getHandshakeStatus() == HandshakeStatus.NEED_WRAP) {
            if (tls.getHandshakeStatus() == HandshakeStatus.NEED_TASK) {
                runTasks(tls);
            } else {
                wrap(tls, NOTHING.duplicate());
            }
        }
    }

    private static void runTasks(SSLEngine engine) {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    private void wrap(SSLEngine tls, ByteBuffer data) throws IOException {
        ByteBuffer cipher = ByteBuffer.allocate(LoopBuffers.RECORD_BYTES);
        SSLEngineResult result = tls.wrap(data, cipher);
        cipher.flip();
        while (cipher.hasRemaining()) {
            channel.write(cipher);
        }
        if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
            throw new SSLException("the peer ended the TLS session");
        }
    }

    private void unwrap(SSLEngine tls, ByteBuffer data) throws IOException {
        SSLEngineResult result = tls.unwrap(cipherIn, data);
        switch (result.getStatus()) {
            case OK -> {
                // The caller looks at what came.
            }
            case BUFFER_UNDERFLOW -> {
                cipherIn.compact();
                int count;
                try {
                    count = channel.read(cipherIn);
                } finally {
                    cipherIn.flip();
                }
                if (count < 0) {
                    throw new EOFException("closed by the peer");
                }
            }
            case BUFFER_OVERFLOW -> throw new SSLException("a TLS record is longer than the protocol allows");
            case CLOSED -> throw new EOFException("closed by the peer");
        }
    }

    private void sendAlert(SSLEngine failed) {
        try {
            ByteBuffer cipher = ByteBuffer.allocate(LoopBuffers.RECORD_BYTES);
            failed.wrap(NOTHING.duplicate(), cipher);
            channel.write(cipher.flip());
        } catch (IOException _) {
            // The reason is already on its way to the caller; the peer may miss the alert.
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException _) {
            // The descriptor is gone either way.
        }
    }
}
