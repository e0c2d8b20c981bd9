// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A ttrpc frame as tests build and read it, by hand and apart from the code under test. */
public record TestFrame(int id, int type, int flags, ByteString payload) {
    /** A request envelope around a payload. */
    public static TestFrame request(int id, String service, String method, byte[] payload) {
        return request(id, service, method, payload, 0);
    }

    /** A request envelope with a deadline. */
    public static TestFrame request(int id, String service, String method, byte[] payload, long timeoutNanos) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            out.writeString(1, service);
            out.writeString(2, method);
            out.writeByteArray(3, payload);
            if (timeoutNanos != 0) {
                out.writeInt64(4, timeoutNanos);
            }
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new TestFrame(id, 1, 0, ByteString.copyFrom(bytes.toByteArray()));
    }

    /** A response whose payload is this. */
    public static TestFrame response(int id, byte[] payload) {
        return new TestFrame(id, 2, 0, ByteString.copyFrom(payload));
    }

    /** A response that carries a status. */
    public static TestFrame status(int id, int code, String message) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] text = message.getBytes(StandardCharsets.UTF_8);
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            out.writeTag(1, 2);
            out.writeUInt32NoTag(
                    CodedOutputStream.computeInt32Size(1, code) + CodedOutputStream.computeByteArraySize(2, text));
            out.writeInt32(1, code);
            out.writeByteArray(2, text);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new TestFrame(id, 2, 0, ByteString.copyFrom(bytes.toByteArray()));
    }

    /** The whole frame. */
    public byte[] bytes() {
        ByteBuffer frame = ByteBuffer.allocate(10 + payload.size())
                .putInt(payload.size())
                .putInt(id)
                .put((byte) type)
                .put((byte) flags);
        payload.copyTo(frame);
        return frame.array();
    }

    /** The next frame of a stream; waits for it. */
    public static TestFrame read(InputStream in) throws IOException {
        DataInputStream data = new DataInputStream(in);
        int length = data.readInt();
        int id = data.readInt();
        int type = data.readByte();
        int flags = data.readByte();
        byte[] payload = new byte[length];
        data.readFully(payload);
        return new TestFrame(id, type, flags, ByteString.copyFrom(payload));
    }

    /** Whether the payload contains a text. */
    public boolean contains(String text) {
        return new String(payload.toByteArray(), StandardCharsets.ISO_8859_1).contains(text);
    }

    /** The status code of a response, 0 without one. */
    public int statusCode() {
        byte[] bytes = payload.toByteArray();
        int inner = bytes.length > 1 && bytes[1] < 0 ? 3 : 2; // The length of the status may take two bytes.
        return bytes.length > inner + 1 && bytes[0] == 0x0a && bytes[inner] == 0x08 ? bytes[inner + 1] : 0;
    }
}
