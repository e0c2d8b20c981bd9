// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Writes one netlink message: {@code struct nlmsghdr}, the family's header, then attributes ({@code struct nlattr}), each aligned
 * to four bytes. See <a href="https://docs.kernel.org/userspace-api/netlink/intro.html">the kernel's introduction</a>.
 */
public final class MessageWriter {
    static final int HEADER_BYTES = 16;
    private static final int ATTRIBUTE_HEADER_BYTES = 4;
    private static final int SEQUENCE_OFFSET = 8;

    /** No request of ours comes near this; the kernel itself takes far more. */
    private static final int MAX_MESSAGE_BYTES = 4096;

    private final ByteBuffer buffer;

    /**
     * @param order the host's, except in goldens
     * @param type such as {@code RTM_NEWLINK}
     * @param flags {@code NLM_F_*}
     */
    public MessageWriter(ByteOrder order, int type, int flags) {
        buffer = ByteBuffer.allocate(MAX_MESSAGE_BYTES).order(order);
        buffer.putInt(0)
                .putShort((short) type)
                .putShort((short) flags)
                .putInt(0)
                .putInt(0);
    }

    /** The order of the numbers in this message. */
    public ByteOrder order() {
        return buffer.order();
    }

    /** One byte of the family's header. */
    public MessageWriter u8(int value) {
        buffer.put((byte) value);
        return this;
    }

    /** Two bytes of the family's header. */
    public MessageWriter u16(int value) {
        buffer.putShort((short) value);
        return this;
    }

    /** Four bytes of the family's header. */
    public MessageWriter u32(long value) {
        buffer.putInt((int) value);
        return this;
    }

    /** Bytes as they are. */
    public MessageWriter raw(byte[] value) {
        buffer.put(value);
        return this;
    }

    /** An attribute of bytes. */
    public MessageWriter bytes(int type, byte[] value) {
        return nested(type, inner -> inner.raw(value));
    }

    /** An attribute of one byte. */
    public MessageWriter u8(int type, int value) {
        return nested(type, inner -> inner.u8(value));
    }

    /** An attribute of four bytes in the host's order. */
    public MessageWriter u32(int type, long value) {
        return nested(type, inner -> inner.u32(value));
    }

    /** An attribute of two bytes in the network's order. */
    public MessageWriter u16BigEndian(int type, int value) {
        return nested(type, inner -> inner.u8(value >>> 8).u8(value));
    }

    /** An attribute of four bytes in the network's order. */
    public MessageWriter u32BigEndian(int type, long value) {
        return nested(
                type,
                inner -> inner.u8((int) (value >>> 24))
                        .u8((int) (value >>> 16))
                        .u8((int) (value >>> 8))
                        .u8((int) value));
    }

    /** An attribute of text with a final NUL. */
    public MessageWriter text(int type, String value) {
        return nested(
                type, inner -> inner.raw(value.getBytes(StandardCharsets.UTF_8)).u8(0));
    }

    /** An attribute of an address's four or sixteen bytes. */
    public MessageWriter address(int type, InetAddress value) {
        return bytes(type, value.getAddress());
    }

    /** An attribute that holds what {@code content} writes, further attributes as a rule. */
    public MessageWriter nested(int type, Consumer<MessageWriter> content) {
        int start = buffer.position();
        buffer.putShort((short) 0).putShort((short) type);
        content.accept(this);
        int length = buffer.position() - start;
        buffer.putShort(start, (short) length);
        pad();
        return this;
    }

    private void pad() {
        while (buffer.position() % ATTRIBUTE_HEADER_BYTES != 0) {
            buffer.put((byte) 0);
        }
    }

    /** The message with its length and that sequence number; this writer may be asked again with another number. */
    public byte[] finish(int sequence) {
        pad();
        int length = buffer.position();
        buffer.putInt(0, length).putInt(SEQUENCE_OFFSET, sequence);
        byte[] message = new byte[length];
        buffer.get(0, message);
        return message;
    }
}
