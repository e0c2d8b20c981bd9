// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The scratch space of one event loop, shared by its connections, so that an idle connection holds no buffer. Plain text lives outside the heap, where sockets take
 * it without a copy; cipher text lives on the heap, where the JDK's AES-GCM intrinsics work without one.
 */
public final class LoopBuffers {
    /** Room in front of received plain text, for the start of a frame that an earlier read left over. */
    public static final int HEADROOM_BYTES = 512;
    /** How much is read from a socket at once. */
    public static final int READ_BYTES = 256 << 10;
    /** The longest TLS record with its header, of any cipher suite (RFC 8446 section 5.2, RFC 5246 section 6.2.3). */
    public static final int RECORD_BYTES = 5 + (16 << 10) + 2048;
    /** Size of the chunks that hold unsent output. */
    public static final int CHUNK_BYTES = 64 << 10;

    /** Size of the chunks that hold a little of what a session has sent. */
    public static final int SMALL_CHUNK_BYTES = 4 << 10;

    /** What the sessions of a loop may keep for sending it again; above that, each makes do with little. */
    private static final int AMPLE_KEPT_BYTES = 12 << 20;

    private static final int MAX_FREE_CHUNKS = 16;
    private static final int MAX_FREE_SMALL_CHUNKS = 64;
    private static final int MAX_FREE_FRAMES = 3;

    /** A chunk of CopyFile, 1 MiB, with its names. */
    private static final int KEPT_FRAME_BYTES = (1 << 20) + CHUNK_BYTES;

    private @Nullable ByteBuffer plain;
    private @Nullable ByteBuffer cipherIn;
    private @Nullable ByteBuffer cipherOut;
    private final ArrayDeque<ByteBuffer> freeChunks = new ArrayDeque<>();
    private final ArrayDeque<ByteBuffer> freeFrames = new ArrayDeque<>();
    private final ArrayDeque<ByteBuffer> freeSmallChunks = new ArrayDeque<>();
    private long largeFrameBytes;
    private long keptBytes;

    /** Scratch for received plain text, empty, positioned behind the headroom. */
    public ByteBuffer plain() {
        ByteBuffer buffer = plain;
        if (buffer == null) {
            buffer = ByteBuffer.allocateDirect(HEADROOM_BYTES + READ_BYTES + RECORD_BYTES);
            plain = buffer;
        }
        return buffer.clear().position(HEADROOM_BYTES);
    }

    /** Scratch for received cipher text, empty. */
    public ByteBuffer cipherIn() {
        ByteBuffer buffer = cipherIn;
        if (buffer == null) {
            buffer = ByteBuffer.allocate(READ_BYTES + RECORD_BYTES);
            cipherIn = buffer;
        }
        return buffer.clear();
    }

    /** Scratch for cipher text to send, empty. */
    public ByteBuffer cipherOut() {
        ByteBuffer buffer = cipherOut;
        if (buffer == null) {
            buffer = ByteBuffer.allocate(READ_BYTES + 2 * RECORD_BYTES);
            cipherOut = buffer;
        }
        return buffer.clear();
    }

    /** An empty chunk of {@link #CHUNK_BYTES} on the heap. */
    public ByteBuffer chunk() {
        ByteBuffer chunk = freeChunks.poll();
        return chunk == null ? ByteBuffer.allocate(CHUNK_BYTES) : chunk.clear();
    }

    /** An empty chunk of {@link #SMALL_CHUNK_BYTES} on the heap. */
    public ByteBuffer smallChunk() {
        ByteBuffer chunk = freeSmallChunks.poll();
        return chunk == null ? ByteBuffer.allocate(SMALL_CHUNK_BYTES) : chunk.clear();
    }

    /** A session keeps this much more for sending it again, or less. */
    public void keeps(int bytes) {
        keptBytes += bytes;
    }

    /** Whether the sessions of this loop keep so much that each should hold back. */
    public boolean crowded() {
        return keptBytes > AMPLE_KEPT_BYTES;
    }

    /**
     * An empty buffer with this limit, for a whole frame. Common large ones lie outside the heap, where sockets take them without a copy, and are kept for the next frame; the few above
     * that are left to the collector.
     */
    public ByteBuffer frame(int bytes) {
        if (bytes <= CHUNK_BYTES) {
            return ByteBuffer.allocate(bytes);
        }
        ByteBuffer buffer = keptFor(bytes);
        if (buffer == null) {
            buffer = bytes <= KEPT_FRAME_BYTES
                    ? ByteBuffer.allocateDirect(KEPT_FRAME_BYTES)
                    : ByteBuffer.allocate(bytes);
        }
        largeFrameBytes += buffer.capacity();
        return buffer.clear().limit(bytes);
    }

    private @Nullable ByteBuffer keptFor(int bytes) {
        for (ByteBuffer candidate : freeFrames) {
            if (candidate.capacity() >= bytes) {
                freeFrames.remove(candidate);
                return candidate;
            }
        }
        return null;
    }

    /** Bytes of large frames that were taken and not given back. */
    public long largeFrameBytes() {
        return largeFrameBytes;
    }

    /** Takes back what {@link #chunk}, {@link #smallChunk} or {@link #frame} gave; other small buffers are left to the collector. */
    public void release(ByteBuffer buffer) {
        if (buffer.capacity() == CHUNK_BYTES) {
            if (freeChunks.size() < MAX_FREE_CHUNKS) {
                freeChunks.add(buffer);
            }
        } else if (buffer.capacity() == SMALL_CHUNK_BYTES) {
            if (freeSmallChunks.size() < MAX_FREE_SMALL_CHUNKS) {
                freeSmallChunks.add(buffer);
            }
        } else if (buffer.capacity() > CHUNK_BYTES) {
            largeFrameBytes -= buffer.capacity();
            if (buffer.isDirect() && freeFrames.size() < MAX_FREE_FRAMES) {
                freeFrames.add(buffer);
            }
        }
    }
}
