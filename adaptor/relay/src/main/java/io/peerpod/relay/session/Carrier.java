// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import io.peerpod.relay.Link;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** One connection that carries a session: takes its messages apart. The bytes of data go on in whatever pieces they arrive, uncopied. */
public final class Carrier implements Link.Handler {
    /** Who gets the messages. */
    public interface Sink {
        /** A message other than data, with its whole body. */
        void message(Carrier from, byte type, long first, long second, ByteBuffer body) throws SessionViolation;

        /** Data begins at this offset; so much of ours was received. */
        void data(Carrier from, long offset, long acknowledged) throws SessionViolation;

        /** Bytes of that data; all must be consumed. */
        void bytes(ByteBuffer part);

        /** As {@link Link.Handler#room}. */
        @Nullable
        ByteBuffer room(int atLeast);

        /** As {@link Link.Handler#filled}. */
        void filled(int count);

        /** Everything that was read has been handed over. */
        void received(Carrier from);

        /** As {@link Link.Handler#drained}. */
        void drained(Carrier from);

        /** The connection is gone. */
        void lost(Carrier from, String why);

        /** The peer broke the protocol; it has been told, and the connection will close. */
        void violated(Carrier from, String why);
    }

    private final ByteBuffer header = ByteBuffer.allocate(Message.HEADER_BYTES);
    private Sink sink;
    private @Nullable Link link;
    private int dataLeft;
    private @Nullable ByteBuffer body;

    /** A connection whose messages go there at first. */
    public Carrier(Sink sink) {
        this.sink = sink;
    }

    /** The link must be known before anything is received. */
    public void use(Link over) {
        link = over;
    }

    /** From the next message on, others listen. */
    void redirect(Sink other) {
        sink = other;
    }

    Link link() {
        Link present = link;
        if (present == null) {
            throw new IllegalStateException("a carrier has no link yet");
        }
        return present;
    }

    @Override
    public void received(ByteBuffer data) {
        int end = data.limit();
        try {
            while (data.position() < end && !link().isClosed()) {
                if (dataLeft > 0) {
                    int length = Math.min(dataLeft, end - data.position());
                    dataLeft -= length;
                    data.limit(data.position() + length);
                    sink.bytes(data);
                    data.limit(end);
                } else {
                    header(data);
                }
            }
            if (!link().isClosed()) {
                sink.received(this);
            }
        } catch (SessionViolation e) {
            refuse(e);
        } finally {
            data.limit(end).position(end);
        }
    }

    private void refuse(SessionViolation violation) {
        String words = String.valueOf(violation.getMessage());
        dataLeft = 0;
        link().send(Message.worded(Message.CLOSE, Reason.PROTOCOL, words));
        link().finish();
        sink.violated(this, words);
    }

    private void header(ByteBuffer data) throws SessionViolation {
        ByteBuffer collecting = body;
        if (collecting != null) {
            int length = Math.min(collecting.remaining(), data.remaining());
            collecting
                    .put(collecting.position(), data, data.position(), length)
                    .position(collecting.position() + length);
            data.position(data.position() + length);
            if (!collecting.hasRemaining()) {
                body = null;
                deliver(collecting.flip());
            }
            return;
        }
        int length = Math.min(header.remaining(), data.remaining());
        header.put(header.position(), data, data.position(), length).position(header.position() + length);
        data.position(data.position() + length);
        if (header.hasRemaining()) {
            return;
        }
        header.clear();
        byte type = header.get(0);
        int bodyLength = header.getInt(0) & 0xffffff;
        if (bodyLength > Message.maxLength(type)) {
            throw new SessionViolation(
                    Message.maxLength(type) < 0
                            ? "a message of unknown type " + type
                            : "a message of type " + type + " with " + bodyLength + " bytes");
        }
        if (type == Message.DATA) {
            sink.data(this, header.getLong(4), header.getLong(12));
            dataLeft = bodyLength;
        } else if (bodyLength > 0) {
            body = ByteBuffer.allocate(bodyLength);
        } else {
            deliver(ByteBuffer.allocate(0));
        }
    }

    private void deliver(ByteBuffer whole) throws SessionViolation {
        sink.message(this, header.get(0), header.getLong(4), header.getLong(12), whole);
    }

    @Override
    public @Nullable ByteBuffer room(int atLeast) {
        // A TLS record that begins inside a body this long also ends there.
        return dataLeft >= atLeast ? sink.room(atLeast) : null;
    }

    @Override
    public void filled(int count) {
        dataLeft -= count;
        sink.filled(count);
    }

    @Override
    public void drained() {
        sink.drained(this);
    }

    @Override
    public void ended(String why) {
        sink.lost(this, why);
    }
}
