// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Gzip (RFC 1952) of whole byte arrays: bounded, and strict about what follows, where {@link java.util.zip.GZIPInputStream} passes
 * over garbage at the end.
 */
final class Gzip {
    private static final int HEADER_BYTES = 10;
    private static final int TRAILER_BYTES = 8;
    private static final int FLAG_HEADER_CRC = 2;
    private static final int FLAG_EXTRA = 4;
    private static final int FLAG_NAME = 8;
    private static final int FLAG_COMMENT = 16;
    private static final int RESERVED_FLAGS = 0xe0;

    private final String document;
    private final byte[] in;
    private final int maxBytes;
    private int at;

    private Gzip(String document, byte[] in, int maxBytes) {
        this.document = document;
        this.in = in;
        this.maxBytes = maxBytes;
    }

    /** One member without name and time, so that the same bytes come out for the same bytes. */
    static byte[] compress(byte[] plain) {
        Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
        try {
            deflater.setInput(plain);
            deflater.finish();
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.writeBytes(new byte[] {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, (byte) 0xff});
            byte[] buffer = new byte[8192];
            while (!deflater.finished()) {
                out.write(buffer, 0, deflater.deflate(buffer));
            }
            CRC32 crc = new CRC32();
            crc.update(plain);
            out.writeBytes(ByteBuffer.allocate(TRAILER_BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt((int) crc.getValue())
                    .putInt(plain.length)
                    .array());
            return out.toByteArray();
        } finally {
            deflater.end();
        }
    }

    /**
     * Decompresses all members.
     *
     * @param maxBytes of the result; more is refused while reading, whatever the input promises
     */
    static byte[] decompress(String document, byte[] gzip, int maxBytes) throws ContractException {
        Gzip reader = new Gzip(document, gzip, maxBytes);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        do {
            reader.member(out);
        } while (reader.at < gzip.length);
        return out.toByteArray();
    }

    private void member(ByteArrayOutputStream out) throws ContractException {
        header();
        Inflater inflater = new Inflater(true);
        CRC32 crc = new CRC32();
        long size;
        try {
            inflater.setInput(in, at, in.length - at);
            byte[] buffer = new byte[8192];
            while (!inflater.finished()) {
                int length = inflater.inflate(buffer);
                if (length == 0 && !inflater.finished()) {
                    throw truncated();
                }
                if (out.size() + length > maxBytes) {
                    throw new ContractException(document, "", "at most " + maxBytes + " bytes decompressed", "more");
                }
                crc.update(buffer, 0, length);
                out.write(buffer, 0, length);
            }
            size = inflater.getBytesWritten();
            at += (int) inflater.getBytesRead();
        } catch (DataFormatException e) {
            throw new ContractException(document, "", "gzip data", "a broken compressed block");
        } finally {
            inflater.end();
        }
        need(TRAILER_BYTES);
        ByteBuffer trailer = ByteBuffer.wrap(in, at, TRAILER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        if (trailer.getInt() != (int) crc.getValue() || trailer.getInt() != (int) size) {
            throw new ContractException(document, "", "gzip data with a right checksum", "a wrong one");
        }
        at += TRAILER_BYTES;
    }

    private void header() throws ContractException {
        if (in.length - at >= 2 && ((in[at] & 0xff) != 0x1f || (in[at + 1] & 0xff) != 0x8b)) {
            throw new ContractException(
                    document, "", "gzip data", at == 0 ? "other bytes" : "other bytes behind the gzip data");
        }
        need(HEADER_BYTES);
        int flags = in[at + 3] & 0xff;
        if (in[at + 2] != 8 || (flags & RESERVED_FLAGS) != 0) {
            throw new ContractException(document, "", "gzip data by deflate", "another method or unknown flags");
        }
        at += HEADER_BYTES;
        if ((flags & FLAG_EXTRA) != 0) {
            need(2);
            int length = (in[at] & 0xff) | ((in[at + 1] & 0xff) << 8);
            need(2 + length);
            at += 2 + length;
        }
        if ((flags & FLAG_NAME) != 0) {
            text();
        }
        if ((flags & FLAG_COMMENT) != 0) {
            text();
        }
        if ((flags & FLAG_HEADER_CRC) != 0) {
            need(2);
            at += 2;
        }
    }

    private void text() throws ContractException {
        while (true) {
            need(1);
            if (in[at++] == 0) {
                return;
            }
        }
    }

    private void need(int bytes) throws ContractException {
        if (in.length - at < bytes) {
            throw truncated();
        }
    }

    private ContractException truncated() {
        return new ContractException(document, "", "complete gzip data", "an end in the middle");
    }
}
