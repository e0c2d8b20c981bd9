// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import com.google.protobuf.ByteString;
import io.peerpod.relay.LoopBuffers;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of a byte stream that somebody still needs: what the peer has not confirmed, or what the user does not take yet. Lies in chunks of the event loop; holds none when it is empty.
 */
final class KeptBytes {
    private final LoopBuffers buffers;

    /** In order; position to limit is what is kept. Only the last one has room behind its limit. */
    private final ArrayDeque<ByteBuffer> chunks = new ArrayDeque<>();

    private long start;
    private long end;

    KeptBytes(LoopBuffers buffers, long start) {
        this.buffers = buffers;
        this.start = start;
        end = start;
    }

    /** Offset of the first byte. */
    long start() {
        return start;
    }

    /** Offset behind the last byte. */
    long end() {
        return end;
    }

    /** Keeps a copy of these bytes, without moving the buffer's position. */
    void append(ByteBuffer bytes) {
        int from = bytes.position();
        int left = bytes.remaining();
        end += left;
        while (left > 0) {
            ByteBuffer last = chunks.peekLast();
            if (last == null || last.limit() == last.capacity()) {
                last = (last == null && left <= LoopBuffers.SMALL_CHUNK_BYTES ? buffers.smallChunk() : buffers.chunk())
                        .limit(0);
                buffers.keeps(last.capacity());
                chunks.addLast(last);
            }
            int at = last.limit();
            int length = Math.min(left, last.capacity() - at);
            last.limit(at + length).put(at, bytes, from, length);
            from += length;
            left -= length;
        }
    }

    /** Forgets everything before this offset. */
    void dropBefore(long offset) {
        while (start < offset) {
            ByteBuffer first = chunks.element();
            int length = (int) Math.min(offset - start, first.remaining());
            first.position(first.position() + length);
            start += length;
            if (!first.hasRemaining()) {
                giveBack(chunks.remove());
            }
        }
    }

    /** A view of some bytes from an offset on, null when there are none; valid until the next call that changes something. */
    @Nullable
    ByteBuffer view(long offset, int atMost) {
        long at = start;
        for (ByteBuffer chunk : chunks) {
            int length = chunk.remaining();
            if (offset < at + length) {
                int from = chunk.position() + (int) (offset - at);
                return chunk.duplicate()
                        .limit(Math.min(chunk.limit(), from + atMost))
                        .position(from);
            }
            at += length;
        }
        return null;
    }

    ByteString toByteString() {
        ByteString all = ByteString.EMPTY;
        for (ByteBuffer chunk : chunks) {
            all = all.concat(ByteString.copyFrom(chunk.duplicate()));
        }
        return all;
    }

    /** Gives every chunk back. */
    void clear() {
        chunks.forEach(this::giveBack);
        chunks.clear();
        start = end;
    }

    private void giveBack(ByteBuffer chunk) {
        buffers.keeps(-chunk.capacity());
        buffers.release(chunk);
    }

    /** Whether all sessions together keep a lot. */
    boolean crowded() {
        return buffers.crowded();
    }
}
