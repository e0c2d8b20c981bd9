// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import com.google.protobuf.CodedOutputStream;
import io.grpc.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Response frames that the relay writes itself. */
public final class Answers {
    /** Keeps a status from filling a frame. */
    private static final int MAX_MESSAGE_CHARACTERS = 8192;

    /** Payload of the reference forwarder's answer once its agent is gone: status UNKNOWN(2), message {@code ttrpc: closed}. */
    private static final byte[] AGENT_GONE = status(Status.Code.UNKNOWN.value(), "ttrpc: closed");

    private Answers() {}

    /** A response that refuses a request. */
    public static ByteBuffer refusal(int streamId, Status.Code code, String message) {
        String bounded =
                message.length() > MAX_MESSAGE_CHARACTERS ? message.substring(0, MAX_MESSAGE_CHARACTERS) : message;
        return frame(streamId, status(code.value(), bounded));
    }

    /** A response without a message: success of a method that answers {@code google.protobuf.Empty}. */
    public static ByteBuffer success(int streamId) {
        return frame(streamId, new byte[0]);
    }

    /** A request with an empty message. */
    public static ByteBuffer request(int streamId, String service, String method, long timeoutNanos) {
        byte[] prefix = Envelope.prefix(service, method);
        int timeoutBytes = CodedOutputStream.computeInt64Size(4, timeoutNanos);
        byte[] body = new byte[prefix.length + timeoutBytes];
        System.arraycopy(prefix, 0, body, 0, prefix.length);
        CodedOutputStream out = CodedOutputStream.newInstance(body, prefix.length, timeoutBytes);
        try {
            out.writeInt64(4, timeoutNanos);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return frame(streamId, body).put(8, FrameStream.REQUEST);
    }

    /** Length of the payload that {@link #saysAgentGone} knows. */
    public static int agentGoneLength() {
        return AGENT_GONE.length;
    }

    /** Whether a response's payload is exactly the reference forwarder's word for a lost agent. */
    public static boolean saysAgentGone(ByteBuffer data, int start) {
        for (int i = 0; i < AGENT_GONE.length; i++) {
            if (data.get(start + i) != AGENT_GONE[i]) {
                return false;
            }
        }
        return true;
    }

    private static ByteBuffer frame(int streamId, byte[] payload) {
        return ByteBuffer.allocate(FrameStream.HEADER_BYTES + payload.length)
                .putInt(payload.length)
                .putInt(streamId)
                .put(FrameStream.RESPONSE)
                .put((byte) 0)
                .put(payload)
                .flip();
    }

    private static byte[] status(int code, String message) {
        byte[] text = message.getBytes(StandardCharsets.UTF_8);
        int inner = CodedOutputStream.computeInt32Size(1, code) + CodedOutputStream.computeByteArraySize(2, text);
        byte[] bytes =
                new byte[CodedOutputStream.computeTagSize(1) + CodedOutputStream.computeUInt32SizeNoTag(inner) + inner];
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            out.writeTag(1, 2);
            out.writeUInt32NoTag(inner);
            out.writeInt32(1, code);
            out.writeByteArray(2, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes;
    }
}
