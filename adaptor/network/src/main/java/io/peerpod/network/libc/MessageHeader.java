// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * {@code struct msghdr} and its one {@code struct iovec}, as every 64-bit Linux lays them out: pointers and sizes of eight bytes in the
 * machine's own order, at the same offsets on x86_64, s390x and aarch64.
 */
final class MessageHeader {
    private static final int BYTES = 56;
    private static final int NAME = 0;
    private static final int NAME_LENGTH = 8;
    private static final int VECTORS = 16;
    private static final int VECTOR_COUNT = 24;
    private static final int CONTROL = 32;
    private static final int CONTROL_LENGTH = 40;
    private static final int FLAGS = 48;

    private static final int VECTOR_BYTES = 16;

    private MessageHeader() {}

    static MemorySegment allocate(Arena arena, MemorySegment name, MemorySegment data, MemorySegment control) {
        MemorySegment vector = arena.allocate(VECTOR_BYTES, Long.BYTES);
        vector.set(JAVA_LONG, 0, data.address());
        vector.set(JAVA_LONG, Long.BYTES, data.byteSize());
        MemorySegment header = arena.allocate(BYTES, Long.BYTES);
        header.set(JAVA_LONG, NAME, name.address());
        header.set(JAVA_INT, NAME_LENGTH, (int) name.byteSize());
        header.set(JAVA_LONG, VECTORS, vector.address());
        header.set(JAVA_LONG, VECTOR_COUNT, 1);
        header.set(JAVA_LONG, CONTROL, control.address());
        header.set(JAVA_LONG, CONTROL_LENGTH, control.byteSize());
        return header;
    }

    static long controlBytes(MemorySegment header) {
        return header.get(JAVA_LONG, CONTROL_LENGTH);
    }

    static int flags(MemorySegment header) {
        return header.get(JAVA_INT, FLAGS);
    }
}
