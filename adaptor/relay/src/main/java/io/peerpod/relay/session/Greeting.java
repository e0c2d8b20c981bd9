// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import io.peerpod.relay.LoopBuffers;
import io.peerpod.relay.Upstream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The relay's first words on a new connection, said by blocking code before the event loop has it. Nothing of the stream is sent before the forwarder agreed: so a new session that fails here has
 * delivered nothing.
 *
 * @param id of the session
 * @param peerReceived how many of our bytes the forwarder has
 * @param rest what came behind its answer
 */
public record Greeting(SessionId id, long peerReceived, ByteBuffer rest) {
    /** Begins a session. */
    public static Greeting open(Upstream upstream) throws IOException {
        return begin(upstream, SessionId.random());
    }

    /** Begins a session under an id that the forwarder has never heard of, or has forgotten before anything went through. */
    public static Greeting begin(Upstream upstream, SessionId id) throws IOException {
        return greet(upstream, id, false, 0);
    }

    /**
     * Goes on with a session.
     *
     * @param received how many of the forwarder's bytes were taken
     * @throws SessionRefusedException when the forwarder cannot or will not
     */
    public static Greeting resume(Upstream upstream, SessionId id, long received) throws IOException {
        return greet(upstream, id, true, received);
    }

    private static Greeting greet(Upstream upstream, SessionId id, boolean resume, long received) throws IOException {
        upstream.write(Message.hello(id, resume, received));
        ByteBuffer data = ByteBuffer.allocate(2 * LoopBuffers.RECORD_BYTES);
        while (data.position() < Message.HEADER_BYTES) {
            upstream.read(data);
        }
        byte type = data.get(0);
        int length = data.getInt(0) & 0xffffff;
        if (type == Message.WELCOME && length == 0) {
            long peerReceived = data.getLong(4);
            return new Greeting(id, peerReceived, data.flip().position(Message.HEADER_BYTES));
        }
        if ((type != Message.REFUSED && type != Message.CLOSE) || length > Message.MAX_BODY_BYTES) {
            throw new SessionViolation("the forwarder answered the session's greeting with type " + type + " and "
                    + length + " bytes, expected a welcome or a refusal");
        }
        try {
            while (data.position() < Message.HEADER_BYTES + length) {
                upstream.read(data);
            }
        } catch (EOFException _) {
            // The code says enough.
        }
        int end = Math.min(data.position(), Message.HEADER_BYTES + length);
        Reason reason = Reason.of(data.getLong(4));
        String words = Message.words(
                data.flip().limit(Math.max(end, Message.HEADER_BYTES)).position(Message.HEADER_BYTES));
        throw new SessionRefusedException(reason, "the forwarder refused the session (" + reason + "): " + words);
    }
}
