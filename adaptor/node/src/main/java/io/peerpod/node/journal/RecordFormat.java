// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/** The bytes of a journal file, without their meaning. */
final class RecordFormat {
    static final int HEADER_BYTES = 8;
    /** A fact: a reader that does not understand it must not go on. */
    static final byte FACT = 1;
    /** A stage of the flight recorder: a reader that does not understand it may skip it. */
    static final byte NOTE = 2;

    /**
     * Facts that were recorded together: each with its length, under one checksum, so that a crash leaves all of them or none. As records of their own a crash could
     * leave the second without the first, which looks like a damaged middle.
     */
    static final byte FACTS = 3;

    /** Longest payload; initdata is by far the largest part of a fact. */
    static final int MAX_PAYLOAD_BYTES = 4 << 20;

    private static final byte[] MAGIC = "ppjrnl".getBytes(StandardCharsets.US_ASCII);
    private static final short FORMAT_VERSION = 1;
    private static final int PREFIX_BYTES = 9;

    private RecordFormat() {}

    /** A whole record. */
    static final class Item {
        private final byte version;
        private final byte[] payload;

        Item(byte version, byte[] payload) {
            this.version = version;
            this.payload = payload;
        }

        byte version() {
            return version;
        }

        byte[] payload() {
            return payload;
        }
    }

    /**
     * What a file holds.
     *
     * @param records that are whole, in order
     * @param end offset behind the last of them
     * @param damage why what follows cannot be a torn tail; empty when it can, or when nothing follows
     */
    record Content(List<Item> records, int end, Optional<String> damage) {}

    static ByteBuffer header() {
        return ByteBuffer.allocate(HEADER_BYTES)
                .put(MAGIC)
                .putShort(FORMAT_VERSION)
                .flip();
    }

    static int size(byte[] payload) {
        return PREFIX_BYTES + payload.length;
    }

    /** How long the record of facts that belong together is. */
    static int size(List<byte[]> payloads) {
        return payloads.size() == 1 ? size(payloads.getFirst()) : PREFIX_BYTES + togetherBytes(payloads);
    }

    private static int togetherBytes(List<byte[]> payloads) {
        return payloads.stream()
                .mapToInt(payload -> Integer.BYTES + payload.length)
                .sum();
    }

    /** One record for facts that belong together. */
    static void put(ByteBuffer target, List<byte[]> facts) {
        if (facts.size() == 1) {
            put(target, FACT, facts.getFirst());
            return;
        }
        ByteBuffer together = ByteBuffer.allocate(togetherBytes(facts));
        facts.forEach(fact -> together.putInt(fact.length).put(fact));
        put(target, FACTS, together.array());
    }

    /** The facts of a record of {@link #FACTS}; empty when it does not hold what it says. */
    private static Optional<List<Item>> takenApart(Item together) {
        List<Item> facts = new ArrayList<>();
        ByteBuffer left = ByteBuffer.wrap(together.payload());
        while (left.remaining() >= Integer.BYTES) {
            int length = left.getInt();
            if (length <= 0 || length > left.remaining()) {
                return Optional.empty();
            }
            byte[] fact = new byte[length];
            left.get(fact);
            facts.add(new Item(FACT, fact));
        }
        return left.hasRemaining() || facts.isEmpty() ? Optional.empty() : Optional.of(facts);
    }

    static void put(ByteBuffer target, byte version, byte[] payload) {
        target.putInt(payload.length)
                .putInt(checksum(version, payload, 0, payload.length))
                .put(version)
                .put(payload);
    }

    static Content parse(byte[] file) {
        List<Item> records = new ArrayList<>();
        if (file.length < HEADER_BYTES || zerosFrom(file, 0)) {
            // The file was being made, and nothing rested on it.
            return new Content(records, 0, Optional.empty());
        }
        ByteBuffer header = ByteBuffer.wrap(file, 0, HEADER_BYTES);
        byte[] magic = new byte[MAGIC.length];
        header.get(magic);
        short version = header.getShort();
        if (!java.util.Arrays.equals(magic, MAGIC) || version != FORMAT_VERSION) {
            return new Content(records, 0, Optional.of("it does not begin as a journal of version " + FORMAT_VERSION));
        }
        int at = HEADER_BYTES;
        while (at < file.length) {
            Optional<Item> item = recordAt(file, at);
            if (item.isEmpty()) {
                break;
            }
            if (item.get().version() == FACTS) {
                Optional<List<Item>> facts = takenApart(item.get());
                if (facts.isEmpty()) {
                    return new Content(
                            records, at, Optional.of("the record at byte " + at + " does not hold whole facts"));
                }
                records.addAll(facts.get());
            } else {
                records.add(item.get());
            }
            at += size(item.get().payload());
        }
        return new Content(records, at, damageBehind(file, at));
    }

    /** A torn tail holds no whole record; a damaged middle is followed by one. */
    private static Optional<String> damageBehind(byte[] file, int end) {
        if (end >= file.length || zerosFrom(file, end)) {
            return Optional.empty();
        }
        for (int at = end + 1; at + PREFIX_BYTES <= file.length; at++) {
            if (recordAt(file, at).isPresent()) {
                return Optional.of("the record at byte " + end + " is damaged, and another follows at byte " + at);
            }
        }
        return Optional.empty();
    }

    private static Optional<Item> recordAt(byte[] file, int at) {
        if (at + PREFIX_BYTES > file.length) {
            return Optional.empty();
        }
        ByteBuffer prefix = ByteBuffer.wrap(file, at, PREFIX_BYTES);
        int length = prefix.getInt();
        int checksum = prefix.getInt();
        byte version = prefix.get();
        boolean fits = length > 0 && length <= MAX_PAYLOAD_BYTES && length <= file.length - at - PREFIX_BYTES;
        if (!fits || version == 0 || checksum(version, file, at + PREFIX_BYTES, length) != checksum) {
            return Optional.empty();
        }
        return Optional.of(
                new Item(version, java.util.Arrays.copyOfRange(file, at + PREFIX_BYTES, at + PREFIX_BYTES + length)));
    }

    private static int checksum(byte version, byte[] bytes, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(ByteBuffer.allocate(5).putInt(length).put(version).flip());
        crc.update(bytes, offset, length);
        return (int) crc.getValue();
    }

    private static boolean zerosFrom(byte[] file, int offset) {
        for (int i = offset; i < file.length; i++) {
            if (file[i] != 0) {
                return false;
            }
        }
        return true;
    }
}
