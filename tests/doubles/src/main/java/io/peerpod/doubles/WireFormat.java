// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;

/**
 * ttrpc on the wire as the peers of the product see it (kata-protocol.md 1.1 and 1.2): ten bytes of header, then an envelope. Written by
 * hand so that the doubles share no line with the product's own codec.
 */
final class WireFormat {
    /** Length, stream id, type, flags. */
    static final int HEADER_BYTES = 10;

    /** The largest payload of a frame. */
    static final int MAX_DATA_BYTES = 4 << 20;

    static final byte REQUEST = 1;
    static final byte RESPONSE = 2;

    private WireFormat() {}

    /** The envelope of a request; {@code timeout} zero means no limit. */
    static byte[] request(
            String service, String method, byte[] payload, Duration timeout, Map<String, String> metadata) {
        int size = CodedOutputStream.computeStringSize(1, service)
                + CodedOutputStream.computeStringSize(2, method)
                + CodedOutputStream.computeByteArraySize(3, payload);
        long nanos = timeout.toNanos();
        if (nanos != 0) {
            size += CodedOutputStream.computeInt64Size(4, nanos);
        }
        for (Map.Entry<String, String> pair : metadata.entrySet()) {
            size += CodedOutputStream.computeByteArraySize(5, pair(pair));
        }
        byte[] envelope = new byte[size];
        CodedOutputStream out = CodedOutputStream.newInstance(envelope);
        try {
            out.writeString(1, service);
            out.writeString(2, method);
            out.writeByteArray(3, payload);
            if (nanos != 0) {
                out.writeInt64(4, nanos);
            }
            for (Map.Entry<String, String> pair : metadata.entrySet()) {
                out.writeByteArray(5, pair(pair));
            }
        } catch (IOException e) {
            throw new IllegalStateException("an envelope of computed size did not fit", e);
        }
        out.checkNoSpaceLeft();
        return envelope;
    }

    private static byte[] pair(Map.Entry<String, String> pair) {
        byte[] bytes = new byte
                [CodedOutputStream.computeStringSize(1, pair.getKey())
                        + CodedOutputStream.computeStringSize(2, pair.getValue())];
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            out.writeString(1, pair.getKey());
            out.writeString(2, pair.getValue());
        } catch (IOException e) {
            throw new IllegalStateException("a pair of computed size did not fit", e);
        }
        return bytes;
    }

    /**
     * Reads the envelope of a response. A status that is absent and one of code 0 both mean success.
     *
     * @return the payload
     * @throws WireStatusException when the status says so
     */
    static byte[] response(byte[] envelope) throws IOException, WireStatusException {
        byte[] payload = {};
        int code = 0;
        String message = "";
        CodedInputStream in = CodedInputStream.newInstance(envelope);
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (tag >>> 3) {
                case 1 -> {
                    CodedInputStream status = CodedInputStream.newInstance(in.readByteArray());
                    for (int inner = status.readTag(); inner != 0; inner = status.readTag()) {
                        switch (inner >>> 3) {
                            case 1 -> code = status.readInt32();
                            case 2 -> message = status.readStringRequireUtf8();
                            default -> status.skipField(inner);
                        }
                    }
                }
                case 2 -> payload = in.readByteArray();
                default -> in.skipField(tag);
            }
        }
        if (code != 0) {
            throw new WireStatusException(code, message);
        }
        return payload;
    }

    /** Puts a header at the buffer's position. */
    static void putHeader(ByteBuffer out, int length, int stream, byte type) {
        out.putInt(length).putInt(stream).put(type).put((byte) 0);
    }
}
