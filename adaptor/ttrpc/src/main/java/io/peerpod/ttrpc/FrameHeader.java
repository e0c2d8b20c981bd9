// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The ten bytes in front of every frame; see {@code PROTOCOL.md}, "Frame".
 *
 * @param dataBytes bytes of data that follow, 0 to 2^32 - 1 (bytes 0-3); more than {@link #MAX_DATA_BYTES} is a peer's mistake
 * @param streamId the stream, an unsigned number (bytes 4-7)
 * @param type one of the {@code TYPE_} numbers, or one that this version does not know (byte 8)
 * @param flags a sum of the {@code FLAG_} numbers (byte 9)
 */
public record FrameHeader(long dataBytes, int streamId, int type, int flags) {
    /** Length of a header, bytes. */
    public static final int HEADER_BYTES = 10;
    /** The most data a frame may carry, bytes. */
    public static final int MAX_DATA_BYTES = 4 << 20;

    /** Starts a stream; the data is a {@link io.peerpod.ttrpc.wire.Request}. */
    public static final int TYPE_REQUEST = 1;
    /** Ends a stream; the data is a {@link io.peerpod.ttrpc.wire.Response}. */
    public static final int TYPE_RESPONSE = 2;
    /** One message of a stream; the data is the bare message. */
    public static final int TYPE_DATA = 3;

    /** The sender sends nothing more on this stream. */
    public static final int FLAG_REMOTE_CLOSED = 0x1;
    /** The sender will send data frames on this stream. */
    public static final int FLAG_REMOTE_OPEN = 0x2;
    /** The frame carries no message: its empty data is not an empty message. */
    public static final int FLAG_NO_DATA = 0x4;

    public FrameHeader {
        if (dataBytes < 0 || dataBytes > 0xFFFF_FFFFL) {
            throw new IllegalArgumentException(
                    "the length of a frame's data is " + dataBytes + ", expected 0 to 4294967295");
        }
        if (type < 0 || type > 0xFF || flags < 0 || flags > 0xFF) {
            throw new IllegalArgumentException(
                    "a frame's type and flags are one byte each, not " + type + " and " + flags);
        }
    }

    /**
     * Takes a header out of a buffer, whatever its byte order.
     *
     * @param buffer with at least {@link #HEADER_BYTES} remaining
     */
    public static FrameHeader read(ByteBuffer buffer) {
        ByteOrder order = buffer.order();
        buffer.order(ByteOrder.BIG_ENDIAN);
        try {
            return new FrameHeader(
                    Integer.toUnsignedLong(buffer.getInt()), buffer.getInt(), buffer.get() & 0xFF, buffer.get() & 0xFF);
        } finally {
            buffer.order(order);
        }
    }

    /**
     * Puts this header into a buffer, whatever its byte order.
     *
     * @param buffer with room for {@link #HEADER_BYTES}
     */
    public void write(ByteBuffer buffer) {
        ByteOrder order = buffer.order();
        buffer.order(ByteOrder.BIG_ENDIAN);
        try {
            buffer.putInt((int) dataBytes).putInt(streamId).put((byte) type).put((byte) flags);
        } finally {
            buffer.order(order);
        }
    }

    /** Whether every bit of the mask is set. */
    public boolean has(int flag) {
        return (flags & flag) == flag;
    }

    /** Whether a client starts streams with this id; the even ones and 0 belong to nobody. */
    public boolean isClientStream() {
        return (streamId & 1) == 1;
    }
}
