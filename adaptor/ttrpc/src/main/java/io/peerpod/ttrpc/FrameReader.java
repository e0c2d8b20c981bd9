// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Cuts the bytes of a blocking channel into frames, however they were torn on the way. For one thread.
 *
 * <p>Memory follows the bytes that arrived, not those that a header announces: a peer that announces 4 MiB and sends nothing costs a
 * few KiB.
 */
public final class FrameReader {
    private static final int FIRST_BUFFER_BYTES = 4 << 10;
    private static final int LARGEST_BUFFER_BYTES = 64 << 10;
    /** First piece of a large frame's array, and the most that one read asks the kernel for. */
    private static final int PIECE_BYTES = 64 << 10;

    private final ReadableByteChannel channel;
    private final int maxDataBytes;
    /** Bytes that came and are not used yet; in reading position. */
    private ByteBuffer buffer = ByteBuffer.allocate(FIRST_BUFFER_BYTES).flip();

    /**
     * @param maxDataBytes frames with more data come out as {@link Frame.Oversized}; at most {@link FrameHeader#MAX_DATA_BYTES}
     */
    public FrameReader(ReadableByteChannel channel, int maxDataBytes) {
        if (maxDataBytes < 0 || maxDataBytes > FrameHeader.MAX_DATA_BYTES) {
            throw new IllegalArgumentException("the most data of a frame is " + maxDataBytes + " bytes, expected 0 to "
                    + FrameHeader.MAX_DATA_BYTES);
        }
        this.channel = channel;
        this.maxDataBytes = maxDataBytes;
    }

    /**
     * The next frame; null when the peer closed between two frames.
     *
     * @throws EOFException when the peer closed within a frame
     */
    public @Nullable Frame next() throws IOException {
        while (buffer.remaining() < FrameHeader.HEADER_BYTES) {
            if (!fill()) {
                if (buffer.hasRemaining()) {
                    throw new EOFException("the peer closed the connection after " + buffer.remaining() + " of the "
                            + FrameHeader.HEADER_BYTES + " bytes of a frame's header");
                }
                return null;
            }
        }
        FrameHeader header = FrameHeader.read(buffer);
        if (header.dataBytes() > maxDataBytes) {
            drain(header);
            return new Frame.Oversized(header);
        }
        return new Frame.Whole(header, data(header));
    }

    private ByteString data(FrameHeader header) throws IOException {
        int length = (int) header.dataBytes();
        byte[] data = new byte[Math.min(length, Math.max(PIECE_BYTES, buffer.remaining()))];
        int filled = Math.min(length, buffer.remaining());
        buffer.get(data, 0, filled);
        while (filled < length) {
            if (filled == data.length) {
                data = Arrays.copyOf(data, Math.min(length, 2 * data.length));
            }
            int piece = Math.min(data.length - filled, PIECE_BYTES);
            int read = channel.read(ByteBuffer.wrap(data, filled, piece));
            if (read < 0) {
                throw truncated(header, filled);
            }
            filled += read;
        }
        return UnsafeByteOperations.unsafeWrap(data);
    }

    private void drain(FrameHeader header) throws IOException {
        long left = header.dataBytes();
        while (true) {
            int skipped = (int) Math.min(left, buffer.remaining());
            buffer.position(buffer.position() + skipped);
            left -= skipped;
            if (left == 0) {
                return;
            }
            if (!fill()) {
                throw truncated(header, header.dataBytes() - left);
            }
        }
    }

    /** Reads at least one byte behind the unused ones; false at the end. */
    private boolean fill() throws IOException {
        buffer.compact();
        int read = channel.read(buffer);
        boolean full = !buffer.hasRemaining();
        buffer.flip();
        if (full && buffer.capacity() < LARGEST_BUFFER_BYTES) {
            buffer = ByteBuffer.allocate(2 * buffer.capacity()).put(buffer).flip();
        }
        return read >= 0;
    }

    private static EOFException truncated(FrameHeader header, long came) {
        return new EOFException("the peer closed the connection after " + came + " of the " + header.dataBytes()
                + " bytes of data that the frame of stream " + Integer.toUnsignedString(header.streamId())
                + " announced");
    }
}
