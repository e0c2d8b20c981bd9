// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Reads where the parts of a ttrpc {@code Request} lie (service 1, method 2, payload 3, timeout_nano 4), without copying any. One instance is used for many requests.
 */
public final class Envelope {
    private static final int SERVICE_TAG = 0x0a;
    private static final int METHOD_TAG = 0x12;
    private static final int PAYLOAD = 3;
    private static final int TIMEOUT = 4;

    private int serviceStart;
    private int serviceLength;
    private int methodStart;
    private int methodLength;
    private int payloadField;
    private int payloadStart;
    private int payloadEnd;
    private long timeoutNanos;
    private int cursor;

    /** What the start of a request says about its method. */
    public enum Peek {
        /** It is the method asked for. */
        MATCH,
        /** It is another one. */
        OTHER,
        /** Too little is there. */
        SHORT,
        /** Not the field order of the usual encoders; only {@link Envelope#scan} of the whole can tell. */
        UNUSUAL
    }

    /**
     * Compares the start of a request with the canonical encoding of a service and method, as {@link #prefix} makes it, of which only the methods differ.
     *
     * @param start of the payload
     * @param available bytes of it that are there
     */
    public static Peek peek(ByteBuffer data, int start, int available, byte[] prefix) {
        int serviceEnd = 2 + prefix[1];
        if (available < serviceEnd + 2) {
            return available > 0 && data.get(start) != SERVICE_TAG ? Peek.UNUSUAL : Peek.SHORT;
        }
        if (data.get(start) != SERVICE_TAG) {
            return Peek.UNUSUAL;
        }
        if (data.get(start + 1) != prefix[1]) {
            return Peek.OTHER; // Another service, whatever its method.
        }
        if (data.get(start + serviceEnd) != METHOD_TAG) {
            return Peek.UNUSUAL;
        }
        if (data.get(start + serviceEnd + 1) != prefix[serviceEnd + 1]) {
            return Peek.OTHER;
        }
        if (available < prefix.length) {
            return Peek.SHORT;
        }
        for (int i = prefix.length - 1; i >= 0; i--) {
            if (data.get(start + i) != prefix[i]) {
                return Peek.OTHER;
            }
        }
        return Peek.MATCH;
    }

    /** The first bytes of a request for this method; both names are shorter than 128 bytes. */
    public static byte[] prefix(String service, String method) {
        byte[] first = service.getBytes(StandardCharsets.UTF_8);
        byte[] second = method.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(4 + first.length + second.length)
                .put((byte) SERVICE_TAG)
                .put((byte) first.length)
                .put(first)
                .put((byte) METHOD_TAG)
                .put((byte) second.length)
                .put(second)
                .array();
    }

    /** Finds the parts of a whole request; false when it is no protobuf message. The last of a repeated field counts, as protobuf says. */
    public boolean scan(ByteBuffer data, int start, int end) {
        serviceLength = 0;
        methodLength = 0;
        payloadField = -1;
        payloadStart = end;
        payloadEnd = end;
        timeoutNanos = 0;
        cursor = start;
        while (cursor < end) {
            int fieldStart = cursor;
            long tag = varint(data, end);
            if (cursor < 0 || tag >>> 32 != 0 || tag >>> 3 == 0) {
                return false;
            }
            if (!field(data, (int) (tag >>> 3), (int) tag & 7, fieldStart, end)) {
                return false;
            }
        }
        return true;
    }

    private boolean field(ByteBuffer data, int number, int wireType, int fieldStart, int end) {
        switch (wireType) {
            case 0 -> {
                long value = varint(data, end);
                if (number == TIMEOUT) {
                    timeoutNanos = value;
                }
            }
            case 1 -> skip(8, end);
            case 2 -> {
                long length = varint(data, end);
                if (cursor >= 0 && length >= 0 && length <= end - cursor) {
                    part(number, fieldStart, (int) length);
                }
                skip(length, end);
            }
            case 5 -> skip(4, end);
            default -> cursor = -1; // Groups were never legal in proto3.
        }
        return cursor >= 0;
    }

    private void skip(long bytes, int end) {
        cursor = cursor >= 0 && bytes >= 0 && bytes <= end - cursor ? cursor + (int) bytes : -1;
    }

    private void part(int number, int fieldStart, int length) {
        switch (number) {
            case 1 -> {
                serviceStart = cursor;
                serviceLength = length;
            }
            case 2 -> {
                methodStart = cursor;
                methodLength = length;
            }
            case PAYLOAD -> {
                payloadField = fieldStart;
                payloadStart = cursor;
                payloadEnd = cursor + length;
            }
            default -> {
                // Metadata, and what future versions add.
            }
        }
    }

    /** Reads a varint at the cursor; a cursor of -1 says that there was none. */
    private long varint(ByteBuffer data, int end) {
        long value = 0;
        for (int shift = 0; shift < 64 && cursor < end; shift += 7) {
            byte b = data.get(cursor++);
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        cursor = -1;
        return 0;
    }

    /** The service of the scanned request. */
    public String service(ByteBuffer data) {
        return text(data, serviceStart, serviceLength);
    }

    /** The method of the scanned request. */
    public String method(ByteBuffer data) {
        return text(data, methodStart, methodLength);
    }

    /** Where the service name starts. */
    public int serviceStart() {
        return serviceStart;
    }

    /** Bytes of the service name. */
    public int serviceLength() {
        return serviceLength;
    }

    /** Where the method name starts. */
    public int methodStart() {
        return methodStart;
    }

    /** Bytes of the method name. */
    public int methodLength() {
        return methodLength;
    }

    /** What the caller's deadline left when it sent the request, in nanoseconds; 0 without one. */
    public long timeoutNanos() {
        return timeoutNanos;
    }

    /** A copy of the payload. */
    public byte[] payload(ByteBuffer data) {
        byte[] payload = new byte[payloadEnd - payloadStart];
        data.get(payloadStart, payload);
        return payload;
    }

    /**
     * The scanned request once more, as a whole frame with another payload; every other byte stays.
     *
     * @param data the frame that was scanned, with its header at {@code frameStart}
     */
    public ByteBuffer withPayload(ByteBuffer data, int frameStart, int frameEnd, byte[] payload) {
        int before = payloadField < 0 ? frameEnd : payloadField;
        int after = payloadField < 0 ? frameEnd : payloadEnd;
        int capacity = before - frameStart + 1 + 5 + payload.length + frameEnd - after;
        ByteBuffer frame = ByteBuffer.allocate(capacity);
        frame.put(0, data, frameStart, before - frameStart).position(before - frameStart);
        frame.put((byte) (PAYLOAD << 3 | 2));
        int rest = payload.length;
        while (rest > 0x7f) {
            frame.put((byte) (rest | 0x80));
            rest >>>= 7;
        }
        frame.put((byte) rest).put(payload);
        frame.put(frame.position(), data, after, frameEnd - after).position(frame.position() + frameEnd - after);
        frame.flip();
        return frame.putInt(0, frame.limit() - FrameStream.HEADER_BYTES);
    }

    private static String text(ByteBuffer data, int start, int length) {
        byte[] bytes = new byte[length];
        data.get(start, bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
