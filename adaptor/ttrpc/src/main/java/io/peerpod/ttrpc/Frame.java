// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;

/** What a {@link FrameReader} finds on the wire. */
public sealed interface Frame {
    /** The header as it came. */
    FrameHeader header();

    /**
     * A whole frame.
     *
     * @param data exactly {@code header.dataBytes()} bytes
     */
    record Whole(FrameHeader header, ByteString data) implements Frame {}

    /** A frame whose data was longer than allowed: it was read and thrown away, and the next frame can be read. */
    record Oversized(FrameHeader header) implements Frame {}
}
