// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The fields of one protobuf message inside a buffer, looked up by number without a copy of the message. */
record WireFields(ByteBuffer buffer, int start, int end) {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int DELIMITED = 2;
    private static final int FIXED32 = 5;

    /** The same fields in a buffer of their own. */
    WireFields copy() {
        byte[] bytes = new byte[end - start];
        buffer.get(start, bytes);
        return new WireFields(ByteBuffer.wrap(bytes), 0, bytes.length);
    }

    /** The text of a field, empty when it is absent. */
    String text(int field) {
        WireFields found = message(field);
        byte[] bytes = new byte[found.end - found.start];
        buffer.get(found.start, bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Length in bytes of a field, 0 when it is absent. */
    int length(int field) {
        WireFields found = message(field);
        return found.end - found.start;
    }

    /** A field that is itself a message; an empty one when it is absent. */
    WireFields message(int field) {
        Cursor at = new Cursor(start);
        while (at.position < end) {
            long tag = varint(at);
            if ((tag & 7) == DELIMITED) {
                int length = (int) varint(at);
                if (length < 0 || length > end - at.position) {
                    break;
                }
                if (tag >>> 3 == field) {
                    return new WireFields(buffer, at.position, at.position + length);
                }
                at.position += length;
            } else {
                skip((int) (tag & 7), at);
            }
        }
        return new WireFields(buffer, end, end);
    }

    /** The value of a number field, 0 when it is absent. */
    long number(int field) {
        Cursor at = new Cursor(start);
        while (at.position < end) {
            long tag = varint(at);
            if (tag >>> 3 == field && (tag & 7) == VARINT) {
                return varint(at);
            }
            skip((int) (tag & 7), at);
        }
        return 0;
    }

    private void skip(int wireType, Cursor at) {
        switch (wireType) {
            case VARINT -> varint(at);
            case FIXED64 -> at.position += 8;
            case FIXED32 -> at.position += 4;
            case DELIMITED -> {
                int length = (int) varint(at);
                at.position = length < 0 || length > end - at.position ? end : at.position + length;
            }
            default -> at.position = end;
        }
    }

    private long varint(Cursor at) {
        long value = 0;
        for (int shift = 0; shift < 64 && at.position < end; shift += 7) {
            byte next = buffer.get(at.position++);
            value |= (long) (next & 0x7f) << shift;
            if (next >= 0) {
                break;
            }
        }
        return value;
    }

    static int varintBytes(long value) {
        int bytes = 1;
        for (long rest = value >>> 7; rest != 0; rest >>>= 7) {
            bytes++;
        }
        return bytes;
    }

    static void putVarint(ByteBuffer out, long value) {
        long rest = value;
        while (rest >>> 7 != 0) {
            out.put((byte) ((rest & 0x7f) | 0x80));
            rest >>>= 7;
        }
        out.put((byte) rest);
    }

    private static final class Cursor {
        int position;

        Cursor(int position) {
            this.position = position;
        }
    }
}
