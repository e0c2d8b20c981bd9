// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import com.google.protobuf.CodedOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Replacements of byte ranges, noted from front to back, applied in one pass. */
final class Splices {

    /** {@code replacement} stands for {@code [from, to)}. */
    private static final class Splice {
        private final int from;
        private final int to;
        private final byte[] replacement;

        Splice(int from, int to, byte[] replacement) {
            this.from = from;
            this.to = to;
            this.replacement = replacement;
        }

        int growth() {
            return replacement.length - (to - from);
        }
    }

    private static final byte[] NOTHING = {};

    private final List<Splice> splices = new ArrayList<>();

    int count() {
        return splices.size();
    }

    /** Leaves {@code [from, to)} out. */
    void remove(int from, int to) {
        splices.add(new Splice(from, to, NOTHING));
    }

    /** Puts bytes before position {@code at}. */
    void insert(int at, byte[] bytes) {
        splices.add(new Splice(at, at, bytes));
    }

    /** Notes a place for a length that is known once the inside of its field was walked; returns its handle for {@link #resize}. */
    int reserve() {
        splices.add(new Splice(0, 0, NOTHING));
        return splices.size() - 1;
    }

    /** Writes the new length of a field whose inner splices are those noted since {@code handle}. */
    void resize(int handle, WireFields field) {
        int length = field.end() - field.content();
        for (Splice splice : splices.subList(handle + 1, splices.size())) {
            length += splice.growth();
        }
        splices.set(handle, new Splice(field.lengthAt(), field.content(), varint(length)));
    }

    /** The result. */
    byte[] apply(byte[] original) {
        int size = original.length;
        for (Splice splice : splices) {
            size += splice.growth();
        }
        byte[] result = new byte[size];
        int read = 0;
        int write = 0;
        for (Splice splice : splices) {
            int kept = splice.from - read;
            System.arraycopy(original, read, result, write, kept);
            write += kept;
            System.arraycopy(splice.replacement, 0, result, write, splice.replacement.length);
            write += splice.replacement.length;
            read = splice.to;
        }
        System.arraycopy(original, read, result, write, original.length - read);
        return result;
    }

    private static byte[] varint(int value) {
        byte[] bytes = new byte[CodedOutputStream.computeUInt32SizeNoTag(value)];
        try {
            CodedOutputStream.newInstance(bytes).writeUInt32NoTag(value);
        } catch (IOException e) {
            throw new IllegalStateException("an array of the right size was too small", e);
        }
        return bytes;
    }
}
