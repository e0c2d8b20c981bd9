// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.Metadata;
import io.peerpod.ttrpc.wire.KeyValue;
import io.peerpod.ttrpc.wire.Request;
import io.peerpod.ttrpc.wire.Response;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Envelopes and whole frames from messages and back. */
final class Envelopes {
    /** Requests up to this size cannot carry so many metadata pairs that they need counting before they are decoded. */
    private static final int COUNT_FROM_BYTES = 64 << 10;

    private static final int METADATA_TAG = Request.METADATA_FIELD_NUMBER << 3 | 2;

    private Envelopes() {}

    /**
     * Decodes a request without copying its payload.
     *
     * @throws InvalidProtocolBufferException when it is no request, or one with too many metadata pairs
     */
    static Request request(ByteString data, int maxMetadataPairs) throws IOException {
        if (data.size() > COUNT_FROM_BYTES) {
            countMetadata(data, maxMetadataPairs);
        }
        CodedInputStream input = data.newCodedInput();
        input.enableAliasing(true);
        Request request = Request.parseFrom(input);
        if (request.getMetadataCount() > maxMetadataPairs) {
            throw tooManyPairs(maxMetadataPairs);
        }
        return request;
    }

    static Response response(ByteString data) throws IOException {
        CodedInputStream input = data.newCodedInput();
        input.enableAliasing(true);
        return Response.parseFrom(input);
    }

    /** A few bytes a pair on the wire are a hundred in memory: 4 MiB of them would be a bomb. */
    private static void countMetadata(ByteString data, int maxMetadataPairs) throws IOException {
        CodedInputStream input = data.newCodedInput();
        int pairs = 0;
        for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
            if (tag == METADATA_TAG && ++pairs > maxMetadataPairs) {
                throw tooManyPairs(maxMetadataPairs);
            }
            if (!input.skipField(tag)) {
                return;
            }
        }
    }

    private static InvalidProtocolBufferException tooManyPairs(int maxMetadataPairs) {
        return new InvalidProtocolBufferException(
                "the request has more than " + maxMetadataPairs + " metadata pairs (limit maxMetadataPairs)");
    }

    /** A whole frame around a message; its stream id can be set later with {@link #setStreamId}. */
    static byte[] frame(int streamId, int type, int flags, MessageLite message) {
        int length = message.getSerializedSize();
        byte[] frame = frame(streamId, type, flags, length);
        try {
            CodedOutputStream output = CodedOutputStream.newInstance(frame, FrameHeader.HEADER_BYTES, length);
            message.writeTo(output);
            output.checkNoSpaceLeft();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to an array does not fail", e);
        }
        return frame;
    }

    static byte[] frame(int streamId, int type, int flags, ByteString data) {
        byte[] frame = frame(streamId, type, flags, data.size());
        data.copyTo(frame, FrameHeader.HEADER_BYTES);
        return frame;
    }

    private static byte[] frame(int streamId, int type, int flags, int length) {
        byte[] frame = new byte[FrameHeader.HEADER_BYTES + length];
        new FrameHeader(length, streamId, type, flags).write(ByteBuffer.wrap(frame));
        return frame;
    }

    static void setStreamId(byte[] frame, int streamId) {
        ByteBuffer.wrap(frame).putInt(4, streamId);
    }

    /** A message as its marshaller writes it. */
    static ByteString serialize(InputStream message) {
        try (message) {
            return UnsafeByteOperations.unsafeWrap(message.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException("a message could not be serialised", e);
        }
    }

    /** Metadata as pairs; binary values travel as unpadded base64, as they do in gRPC. */
    static List<KeyValue> pairs(Metadata headers) {
        List<KeyValue> pairs = new ArrayList<>();
        for (String name : headers.keys()) {
            if (name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
                var values = headers.getAll(Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER));
                if (values != null) {
                    values.forEach(value -> pairs.add(
                            pair(name, Base64.getEncoder().withoutPadding().encodeToString(value))));
                }
            } else {
                var values = headers.getAll(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
                if (values != null) {
                    values.forEach(value -> pairs.add(pair(name, value)));
                }
            }
        }
        return pairs;
    }

    private static KeyValue pair(String key, String value) {
        return KeyValue.newBuilder().setKey(key).setValue(value).build();
    }

    /** Pairs as metadata; those that grpc-java cannot hold (a key with other characters, bad base64) are left out. */
    static Metadata metadata(List<KeyValue> pairs) {
        Metadata headers = new Metadata();
        for (KeyValue pair : pairs) {
            try {
                if (pair.getKey().endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
                    headers.put(
                            Metadata.Key.of(pair.getKey(), Metadata.BINARY_BYTE_MARSHALLER),
                            Base64.getDecoder().decode(pair.getValue()));
                } else {
                    headers.put(Metadata.Key.of(pair.getKey(), Metadata.ASCII_STRING_MARSHALLER), pair.getValue());
                }
            } catch (IllegalArgumentException e) {
                // Left out.
            }
        }
        return headers;
    }
}
