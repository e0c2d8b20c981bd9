// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GuestFilesTest {

    @TempDir
    private Path root;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aFileIsWrittenWithItsFolderAndItsMode() throws IOException {
        var files = new GuestFiles(root);
        files.write("/run/peerpod/apf.json", bytes("secret"), GuestFiles.SECRET);
        Path file = root.resolve("run/peerpod/apf.json");
        assertThat(file).hasContent("secret");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        files.write("/run/peerpod/apf.json", bytes("open"), GuestFiles.READABLE);
        assertThat(file).hasContent("open");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-r--r--");
    }

    @Test
    void whatAKilledRunLeftIsReplaced() throws IOException {
        Path folder = Files.createDirectories(root.resolve("run/peerpod"));
        Files.writeString(folder.resolve(".aa.toml.new"), "half");
        new GuestFiles(root).write("/run/peerpod/aa.toml", bytes("whole"), GuestFiles.READABLE);
        assertThat(folder).isDirectoryContaining(path -> path.endsWith("aa.toml"));
        try (var entries = Files.list(folder)) {
            assertThat(entries).hasSize(1);
        }
    }

    @Test
    void aSymbolicLinkIsReplacedNotFollowed() throws IOException {
        Path folder = Files.createDirectories(root.resolve("run/peerpod"));
        Path other = Files.writeString(root.resolve("other"), "untouched");
        Files.createSymbolicLink(folder.resolve("auth.json"), other);
        new GuestFiles(root).write("/run/peerpod/auth.json", bytes("{}"), GuestFiles.SECRET);
        assertThat(other).hasContent("untouched");
        assertThat(folder.resolve("auth.json")).hasContent("{}");
    }

    @Test
    void aFailedWriteLeavesNothingHalf() throws IOException {
        Path folder = Files.createDirectories(root.resolve("run/peerpod"));
        Files.createDirectories(folder.resolve("aa.toml/not-empty"));
        assertThatThrownBy(() -> new GuestFiles(root).write("/run/peerpod/aa.toml", bytes("x"), GuestFiles.READABLE))
                .isInstanceOf(IOException.class);
        assertThat(folder.resolve(".aa.toml.new")).doesNotExist();
    }

    @Test
    void aFileBeyondTheLimitIsRefused() throws IOException {
        Files.write(root.resolve("big"), new byte[11]);
        assertThatThrownBy(() -> new GuestFiles(root).read("/big", 10)).hasMessageContaining("limit of 10 bytes");
        assertThat(new GuestFiles(root).read("/big", 11)).isPresent();
        assertThat(new GuestFiles(root).read("/none", 11)).isEmpty();
    }
}
