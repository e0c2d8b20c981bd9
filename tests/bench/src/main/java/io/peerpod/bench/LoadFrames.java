// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import com.google.protobuf.CodedOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The frames of a load, with a codec of its own. */
final class LoadFrames {
    static final int HEADER_BYTES = 10;
    static final byte RESPONSE = 2;

    private static final int MAX_DATA_BYTES = 4 << 20;
    private static final int READ_BYTES = 1 << 20;
    private static final String SERVICE = "grpc.AgentService";

    private LoadFrames() {}

    /** Room for the largest frame and a good part of the next. */
    static ByteBuffer readBuffer() {
        return ByteBuffer.allocateDirect(HEADER_BYTES + MAX_DATA_BYTES + READ_BYTES);
    }

    /** A whole request, ready to be written but for its stream id, four bytes at offset 4. */
    static ByteBuffer request(LoadCase load) {
        byte[] message = load.request().toByteArray();
        int size = CodedOutputStream.computeStringSize(1, SERVICE)
                + CodedOutputStream.computeStringSize(2, load.method())
                + CodedOutputStream.computeByteArraySize(3, message);
        byte[] envelope = new byte[size];
        CodedOutputStream out = CodedOutputStream.newInstance(envelope);
        try {
            out.writeString(1, SERVICE);
            out.writeString(2, load.method());
            out.writeByteArray(3, message);
        } catch (IOException e) {
            throw new IllegalStateException("an envelope of computed size did not fit", e);
        }
        return ByteBuffer.allocateDirect(HEADER_BYTES + size)
                .putInt(size)
                .putInt(0)
                .put((byte) 1)
                .put((byte) 0)
                .put(envelope)
                .flip();
    }

    /** Whether a whole frame lies at the buffer's position. */
    static boolean isWhole(ByteBuffer in) throws IOException {
        if (in.remaining() < HEADER_BYTES) {
            return false;
        }
        int length = in.getInt(in.position());
        if (length < 0 || length > MAX_DATA_BYTES) {
            throw new IOException("a frame of " + length + " bytes came, more than the protocol's " + MAX_DATA_BYTES);
        }
        return in.remaining() >= HEADER_BYTES + length;
    }

    /** Whether an envelope is without a status of its own and holds a message of the expected size. */
    static boolean isGood(ByteBuffer in, int start, int length, int messageBytes) {
        int skipped = length >= 2 && in.get(start) == 0x0a && in.get(start + 1) == 0 ? 2 : 0;
        int left = length - skipped;
        if (left == 0) {
            return messageBytes == 0;
        }
        int expected = 1 + CodedOutputStream.computeUInt32SizeNoTag(messageBytes) + messageBytes;
        return in.get(start + skipped) == 0x12 && left == expected;
    }
}
