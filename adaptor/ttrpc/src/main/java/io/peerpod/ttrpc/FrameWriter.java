// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.GatheringByteChannel;

/** Puts whole frames on a blocking channel. For one thread at a time. */
public final class FrameWriter {
    /** The most that one write hands to the kernel: the JDK copies it into a direct buffer that it keeps. */
    private static final int PIECE_BYTES = 128 << 10;

    private final GatheringByteChannel channel;

    public FrameWriter(GatheringByteChannel channel) {
        this.channel = channel;
    }

    /** Writes one frame: header and data in one gather where they fit. */
    public void write(int streamId, int type, int flags, ByteString data) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(FrameHeader.HEADER_BYTES);
        new FrameHeader(data.size(), streamId, type, flags).write(header);
        write(header.flip(), data.asReadOnlyByteBuffer());
    }

    /** Writes the buffers' bytes, all of them, in order. */
    void write(ByteBuffer... buffers) throws IOException {
        int first = 0;
        while (first < buffers.length) {
            if (!buffers[first].hasRemaining()) {
                first++;
                continue;
            }
            int end = buffers[first].limit();
            if (buffers[first].remaining() > PIECE_BYTES) {
                buffers[first].limit(buffers[first].position() + PIECE_BYTES);
                channel.write(buffers[first]);
                buffers[first].limit(end);
            } else {
                int count = 0;
                int bytes = 0;
                while (first + count < buffers.length && bytes + buffers[first + count].remaining() <= PIECE_BYTES) {
                    bytes += buffers[first + count].remaining();
                    count++;
                }
                channel.write(buffers, first, count);
            }
        }
    }
}
