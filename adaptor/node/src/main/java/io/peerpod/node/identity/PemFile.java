// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.Set;

/** PEM text (RFC 7468), and files of it that nobody else can read. */
final class PemFile {
    static final String CERTIFICATE = "CERTIFICATE";
    static final String PRIVATE_KEY = "PRIVATE KEY";

    private static final int LINE_CHARACTERS = 64;

    private PemFile() {}

    static String text(String label, byte[] der) {
        String body = Base64.getMimeEncoder(LINE_CHARACTERS, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n";
    }

    /** Writes a file of mode 0600, all of it or nothing. */
    static void write(Path file, String text) throws IOException {
        Path temporary = file.resolveSibling("." + file.getFileName() + ".new");
        Files.deleteIfExists(temporary);
        try (FileChannel channel = FileChannel.open(
                temporary,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The first block with the label. */
    static byte[] read(Path file, String label) throws IOException {
        return block(Files.readString(file, StandardCharsets.UTF_8), label)
                .orElseThrow(() -> new IOException("there is no '" + label + "' block in " + file));
    }

    static java.util.Optional<byte[]> block(String text, String label) {
        String begin = "-----BEGIN " + label + "-----";
        int start = text.indexOf(begin);
        int end = text.indexOf("-----END " + label + "-----", Math.max(start, 0));
        if (start < 0 || end < 0) {
            return java.util.Optional.empty();
        }
        try {
            return java.util.Optional.of(Base64.getMimeDecoder().decode(text.substring(start + begin.length(), end)));
        } catch (IllegalArgumentException e) {
            return java.util.Optional.empty();
        }
    }
}
