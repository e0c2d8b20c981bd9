// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.peerpod.relay.Answers;
import io.peerpod.relay.FrameStream;
import io.peerpod.relay.LoopBuffers;
import io.peerpod.relay.Upstream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Asks the agent through a fresh tunnel whether it is there: {@code grpc.Health/Check} on a connection that is used for nothing else. */
final class HealthProbe {
    private static final int STREAM = 1;
    private static final int MAX_ANSWER_BYTES = 64 << 10;

    private HealthProbe() {}

    /**
     * Waits for the answer.
     *
     * @param timeoutNanos goes along as the call's deadline: a forwarder waits no longer than that for its agent
     * @return empty when the agent is well, otherwise what it answered
     */
    static Optional<String> check(Upstream upstream, long timeoutNanos) throws IOException {
        upstream.write(Answers.request(STREAM, "grpc.Health", "Check", timeoutNanos));
        ByteBuffer data = ByteBuffer.allocate(MAX_ANSWER_BYTES + FrameStream.HEADER_BYTES + LoopBuffers.RECORD_BYTES);
        while (true) {
            while (!frameComplete(data)) {
                upstream.read(data);
            }
            int end = FrameStream.HEADER_BYTES + data.getInt(0);
            if (data.get(8) == FrameStream.RESPONSE && data.getInt(4) == STREAM) {
                return status(data, end);
            }
            data.flip().position(end);
            data.compact();
        }
    }

    private static boolean frameComplete(ByteBuffer data) throws IOException {
        if (data.position() < FrameStream.HEADER_BYTES) {
            return false;
        }
        long length = data.getInt(0) & 0xffff_ffffL;
        if (length > MAX_ANSWER_BYTES) {
            throw new IOException("the answer to Health/Check is not ttrpc (a frame of " + length + " bytes)");
        }
        return data.position() >= FrameStream.HEADER_BYTES + length;
    }

    private static Optional<String> status(ByteBuffer data, int end) throws InvalidProtocolBufferException {
        int code = 0;
        String message = "";
        try {
            CodedInputStream response = CodedInputStream.newInstance(
                    data.duplicate().flip().limit(end).position(FrameStream.HEADER_BYTES));
            for (int tag = response.readTag(); tag != 0; tag = response.readTag()) {
                if (tag != (1 << 3 | 2)) {
                    response.skipField(tag);
                    continue;
                }
                int outer = response.pushLimit(response.readRawVarint32());
                for (int inner = response.readTag(); inner != 0; inner = response.readTag()) {
                    switch (inner) {
                        case 1 << 3 -> code = response.readInt32();
                        case 2 << 3 | 2 -> message = response.readString();
                        default -> response.skipField(inner);
                    }
                }
                response.popLimit(outer);
            }
        } catch (InvalidProtocolBufferException e) {
            throw e;
        } catch (IOException e) {
            throw new InvalidProtocolBufferException(e);
        }
        return code == 0
                ? Optional.empty()
                : Optional.of(Status.fromCodeValue(code).getCode() + " (" + message.strip() + ")");
    }
}
