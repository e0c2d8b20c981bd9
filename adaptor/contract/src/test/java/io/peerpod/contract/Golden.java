// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files that hold what we write, byte for byte; {@code -Dgolden=update} writes them anew. */
final class Golden {
    private static final Path FOLDER = Path.of("src/test/resources/io/peerpod/contract");

    private Golden() {}

    static byte[] bytes(String name) {
        try {
            return Files.readAllBytes(FOLDER.resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String text(String name) {
        return new String(bytes(name), java.nio.charset.StandardCharsets.UTF_8);
    }

    static void assertEquals(String name, String actual) {
        try {
            if ("update".equals(System.getProperty("golden"))) {
                Files.writeString(FOLDER.resolve(name), actual);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        assertThat(actual).as("%s; -Dgolden=update rewrites it", name).isEqualTo(text(name));
    }
}
