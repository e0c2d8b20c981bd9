// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * A link over TLS whose handshake is done. Many frames share a record and many records a write; each direction copies a byte once beyond what the kernel and the cipher do.
 */
public final class TlsLink extends Link {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    /** The longest plain text of a record. */
    private static final int FRAGMENT_BYTES = 16 << 10;

    private final SSLEngine engine;
    private final ByteBuffer[] one = new ByteBuffer[1];
    private final ByteBuffer[] pair = new ByteBuffer[2];
    private @Nullable ByteBuffer partialRecord;

    /**
     * A link over a connected channel.
     *
     * @param engine with its handshake done
     * @param received cipher text that was read behind the handshake's, may be empty
     */
    public TlsLink(EventLoop loop, SocketChannel channel, SSLEngine engine, ByteBuffer received, Handler handler) {
        super(loop, channel, handler);
        this.engine = engine;
        if (received.hasRemaining()) {
            partialRecord =
                    ByteBuffer.allocate(received.remaining()).put(received).flip();
        }
    }

    /** Handles what was read behind the handshake; to be called once, after the link was registered. */
    public void handleEarlyData() {
        try {
            ByteBuffer cipher = withPartialRecord();
            if (cipher.flip().hasRemaining()) {
                decrypt(cipher);
            }
        } catch (IOException e) {
            failed(e);
        }
    }

    @Override
    public void send(ByteBuffer data) {
        one[0] = data;
        encrypt(one, data);
    }

    @Override
    public void send(ByteBuffer header, ByteBuffer data) {
        pair[0] = header;
        pair[1] = data;
        encrypt(pair, data);
    }

    /** @param last the last of the sources: nothing is left when it is empty */
    private void encrypt(ByteBuffer[] sources, ByteBuffer last) {
        if (isClosed()) {
            last.position(last.limit());
            return;
        }
        ByteBuffer cipher = loop.buffers().cipherOut();
        try {
            while (last.hasRemaining()) {
                if (cipher.remaining() < LoopBuffers.RECORD_BYTES) {
                    write(cipher.flip());
                    cipher.clear();
                }
                SSLEngineResult result = engine.wrap(sources, cipher);
                if (result.getStatus() != SSLEngineResult.Status.OK) {
                    throw new SSLException("the TLS session no longer takes data: " + result.getStatus());
                }
                if (result.bytesConsumed() == 0) {
                    afterHandshakeMessage();
                }
            }
        } catch (SSLException e) {
            last.position(last.limit());
            failed(e);
            return;
        }
        write(cipher.flip());
    }

    @Override
    protected void readReady() throws IOException {
        ByteBuffer cipher = withPartialRecord();
        int count = channel.read(cipher);
        cipher.flip();
        if (cipher.hasRemaining()) {
            decrypt(cipher);
        }
        if (count < 0) {
            end("closed by the peer");
        }
    }

    private ByteBuffer withPartialRecord() {
        ByteBuffer cipher = loop.buffers().cipherIn();
        ByteBuffer partial = partialRecord;
        if (partial != null) {
            cipher.put(partial);
            loop.buffers().release(partial);
            partialRecord = null;
        }
        return cipher;
    }

    private void decrypt(ByteBuffer cipher) throws IOException {
        ByteBuffer data = loop.buffers().plain();
        while (cipher.hasRemaining() && !isClosed()) {
            if (data.remaining() < FRAGMENT_BYTES + 1) {
                data = deliver(data);
            }
            ByteBuffer room = data.position() == LoopBuffers.HEADROOM_BYTES ? handler.room(FRAGMENT_BYTES + 1) : null;
            SSLEngineResult result = engine.unwrap(cipher, room == null ? data : room);
            if (room != null && result.bytesProduced() > 0) {
                handler.filled(result.bytesProduced());
            }
            switch (result.getStatus()) {
                case OK -> {
                    if (result.getHandshakeStatus() != HandshakeStatus.NOT_HANDSHAKING) {
                        afterHandshakeMessage();
                    }
                }
                case BUFFER_UNDERFLOW -> {
                    keepPartialRecord(cipher);
                    deliver(data);
                    return;
                }
                case BUFFER_OVERFLOW -> {
                    if (data.position() == LoopBuffers.HEADROOM_BYTES) {
                        throw new SSLException("a TLS record is longer than the protocol allows");
                    }
                    data = deliver(data);
                }
                case CLOSED -> {
                    deliver(data);
                    end("closed by the peer");
                    return;
                }
            }
        }
        deliver(data);
    }

    private ByteBuffer deliver(ByteBuffer data) {
        data.limit(data.position()).position(LoopBuffers.HEADROOM_BYTES);
        if (data.hasRemaining() && !isClosed()) {
            handler.received(data);
        }
        return data.clear().position(LoopBuffers.HEADROOM_BYTES);
    }

    private void keepPartialRecord(ByteBuffer cipher) {
        ByteBuffer partial = loop.buffers().chunk();
        partial.put(0, cipher, cipher.position(), cipher.remaining()).limit(cipher.remaining());
        cipher.position(cipher.limit());
        partialRecord = partial;
    }

    /** Session tickets, key updates (RFC 8446 sections 4.6.1, 4.6.3). */
    private void afterHandshakeMessage() throws SSLException {
        while (true) {
            switch (engine.getHandshakeStatus()) {
                case NEED_TASK -> runTasks();
                case NEED_WRAP -> {
                    ByteBuffer cipher = ByteBuffer.allocate(LoopBuffers.RECORD_BYTES);
                    SSLEngineResult result = engine.wrap(NOTHING.duplicate(), cipher);
                    write(cipher.flip());
                    if (result.getStatus() != SSLEngineResult.Status.OK || result.bytesProduced() == 0) {
                        return;
                    }
                }
                default -> {
                    return;
                }
            }
        }
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    @Override
    protected void beforeClose() {
        ByteBuffer partial = partialRecord;
        if (partial != null) {
            loop.buffers().release(partial);
            partialRecord = null;
        }
        engine.closeOutbound();
        if (unsentBytes() > 0) {
            return; // An alert in the middle of a record would be garbage.
        }
        try {
            ByteBuffer alert = ByteBuffer.allocate(LoopBuffers.RECORD_BYTES);
            engine.wrap(NOTHING.duplicate(), alert);
            channel.write(alert.flip());
        } catch (IOException _) {
            // The peer is gone; it was a courtesy.
        }
    }
}
