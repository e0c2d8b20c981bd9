// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The bytes of the protocol: a header of {@value #HEADER_BYTES} bytes, type, length, two numbers, then the body. */
public final class Message {
    /** What both sides agree on by TLS ALPN (RFC 7301) before the first message. */
    public static final String PROTOCOL = "peerpod-session/1";

    /** Type (1), length of the body (3), two numbers (8 each), all big-endian. */
    public static final int HEADER_BYTES = 20;

    /** The longest body of a {@link #DATA} message. */
    public static final int MAX_DATA_BYTES = 1 << 20;

    /** The longest body of any other message. */
    static final int MAX_BODY_BYTES = 512;

    /** First message of a relay: 0 for a new session or 1 to resume, how many bytes it has received; the body is the id. */
    static final byte HELLO = 1;
    /** The forwarder's yes: how many bytes it has received. */
    static final byte WELCOME = 2;
    /** The forwarder's no: a {@link Reason}; the body says it in words. */
    static final byte REFUSED = 3;
    /** Bytes of the stream: the offset of the first one, how many of the other direction were received. */
    static final byte DATA = 4;
    /** How many bytes were received, in the second number. */
    static final byte ACKNOWLEDGE = 5;
    /** Asks for a {@link #PONG}. */
    static final byte PING = 6;
    /** The answer to a {@link #PING}. */
    static final byte PONG = 7;
    /** The session is over: a {@link Reason}; the body says it in words. */
    static final byte CLOSE = 8;

    private Message() {}

    /** Writes a header. */
    static ByteBuffer header(ByteBuffer into, byte type, int length, long first, long second) {
        return into.clear()
                .putInt(type << 24 | length)
                .putLong(first)
                .putLong(second)
                .flip();
    }

    static ByteBuffer bare(byte type, long first, long second) {
        return header(ByteBuffer.allocate(HEADER_BYTES), type, 0, first, second);
    }

    static ByteBuffer hello(SessionId id, boolean resume, long received) {
        ByteBuffer message = ByteBuffer.allocate(HEADER_BYTES + SessionId.BYTES);
        header(message, HELLO, SessionId.BYTES, resume ? 1 : 0, received);
        return message.limit(message.capacity())
                .putLong(HEADER_BYTES, id.high())
                .putLong(HEADER_BYTES + Long.BYTES, id.low());
    }

    static ByteBuffer worded(byte type, Reason reason, String words) {
        byte[] text = words.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(text.length, MAX_BODY_BYTES);
        ByteBuffer message = ByteBuffer.allocate(HEADER_BYTES + length);
        header(message, type, length, reason.code(), 0);
        return message.limit(message.capacity()).put(HEADER_BYTES, text, 0, length);
    }

    /** The longest body that a type may have; -1 for a type that does not exist. */
    static int maxLength(byte type) {
        return switch (type) {
            case HELLO -> SessionId.BYTES;
            case DATA -> MAX_DATA_BYTES;
            case REFUSED, CLOSE -> MAX_BODY_BYTES;
            case WELCOME, ACKNOWLEDGE, PING, PONG -> 0;
            default -> -1;
        };
    }

    /** A peer's words, without what could disturb a log. */
    static String words(ByteBuffer body) {
        StringBuilder text = new StringBuilder();
        for (char character : StandardCharsets.UTF_8.decode(body).toString().toCharArray()) {
            text.append(Character.isISOControl(character) ? ' ' : character);
        }
        return text.toString();
    }
}
