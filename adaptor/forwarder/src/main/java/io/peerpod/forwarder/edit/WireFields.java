// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Walks the fields of one protobuf message inside a byte array, without decoding or copying. All positions count from the start of
 * the array.
 */
final class WireFields {

    /** The wire type of texts, bytes and messages. */
    static final int LENGTH_DELIMITED = WireFormat.WIRETYPE_LENGTH_DELIMITED;

    private final byte[] bytes;
    private final int from;
    private final CodedInputStream in;
    private int number;
    private int wireType;
    private int start;
    private int lengthAt;
    private int content;
    private int end;

    /** The message in {@code bytes[from, to)}. */
    WireFields(byte[] bytes, int from, int to) {
        this.bytes = bytes;
        this.from = from;
        this.in = CodedInputStream.newInstance(bytes, from, to - from);
        this.end = from;
    }

    /**
     * Goes to the next field.
     *
     * @return false after the last one
     * @throws InvalidProtocolBufferException if the message is malformed there
     */
    boolean next() throws InvalidProtocolBufferException {
        start = position();
        try {
            int tag = in.readTag();
            if (tag == 0) {
                return false;
            }
            number = WireFormat.getTagFieldNumber(tag);
            wireType = WireFormat.getTagWireType(tag);
            if (wireType == LENGTH_DELIMITED) {
                lengthAt = position();
                int length = in.readRawVarint32();
                content = position();
                in.skipRawBytes(length);
            } else {
                content = position();
                if (!in.skipField(tag)) {
                    throw new InvalidProtocolBufferException("a group ends that did not begin");
                }
            }
        } catch (InvalidProtocolBufferException e) {
            throw e;
        } catch (IOException e) {
            // An array cannot fail to be read.
            throw new InvalidProtocolBufferException(e);
        }
        end = position();
        return true;
    }

    private int position() {
        return from + in.getTotalBytesRead();
    }

    /** Whether this is a length-delimited field of that number: a text, bytes or a message. */
    boolean is(int fieldNumber) {
        return number == fieldNumber && wireType == LENGTH_DELIMITED;
    }

    /** Where the field begins, its tag included. */
    int start() {
        return start;
    }

    /** Where the length of a length-delimited field stands, up to its content. */
    int lengthAt() {
        return lengthAt;
    }

    /** Where the content of a length-delimited field begins. */
    int content() {
        return content;
    }

    /** Where the field ends. */
    int end() {
        return end;
    }

    /** The content of a length-delimited field as a text. */
    String text() {
        return new String(bytes, content, end - content, StandardCharsets.UTF_8);
    }

    /** Whether the content of a length-delimited field is this ASCII text; reads no more than that. */
    boolean textIs(String expected) {
        return end - content == expected.length() && text().equals(expected);
    }

    /** The content of a length-delimited field as a message. */
    WireFields message() {
        return new WireFields(bytes, content, end);
    }
}
