// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.StatusException;
import io.peerpod.contract.agent.CopyFileRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FileCopyTest {
    private static final int FILE = 0100000;
    private static final int FOLDER = 0040000;
    private static final int LINK = 0120000;

    @TempDir
    private Path folder;

    private Path root;
    private FileCopy copy;

    @BeforeEach
    void open() {
        root = folder.resolve("shared");
        copy = new FileCopy(root);
    }

    private static CopyFileRequest piece(String path, int mode, long size, long offset, String data) {
        return CopyFileRequest.newBuilder()
                .setPath(path)
                .setFileMode(mode)
                .setFileSize(size)
                .setOffset(offset)
                .setData(ByteString.copyFrom(data, StandardCharsets.UTF_8))
                .build();
    }

    private CopyFileRequest below(String name, int mode, long size, long offset, String data) {
        return piece(root.resolve(name).toString(), mode, size, offset, data);
    }

    @Test
    void aFileArrivesInPiecesAndIsThereWhenItIsWhole() throws Exception {
        copy.copy(below("c-1-hosts", FILE | 0644, 9, 0, "hello"));
        assertThat(root.resolve("c-1-hosts")).doesNotExist();
        copy.copy(below("c-1-hosts", FILE | 0644, 9, 5, " you"));
        assertThat(root.resolve("c-1-hosts")).hasContent("hello you");
        assertThat(mode("c-1-hosts")).isEqualTo("rw-r--r--");
        copy.copy(below("c-1-hosts", FILE | 0600, 0, 0, ""));
        assertThat(root.resolve("c-1-hosts")).isEmptyFile();
        assertThat(mode("c-1-hosts")).isEqualTo("rw-------");
    }

    @Test
    void foldersAndLinksAreTakenAsWhatTheyAre() throws Exception {
        copy.copy(below("c-1-config", FOLDER | 0750, 0, 0, ""));
        copy.copy(below("c-1-config/..data", LINK | 0777, 0, 0, "..2026"));
        copy.copy(below("c-1-config/..data", LINK | 0777, 0, 0, "..2027"));
        copy.copy(below("c-1-config/..2027/key", FILE | 0400, 5, 0, "value"));
        assertThat(mode("c-1-config")).isEqualTo("rwxr-x---");
        assertThat(Files.readSymbolicLink(root.resolve("c-1-config/..data"))).hasToString("..2027");
        assertThat(root.resolve("c-1-config/..data/key")).hasContent("value");
    }

    @Test
    void nothingIsWrittenOutsideTheFolder() throws Exception {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        copy.copy(below("way-out", LINK, 0, 0, outside.toString()));
        for (String path : new String[] {
            folder.resolve("outside/file").toString(),
            root + "/../outside/file",
            root + "/./file",
            root.toString(),
            root + "-not/file",
            "relative",
            "",
            root + "/a\0b",
            root + "/way-out/file"
        }) {
            assertThatThrownBy(() -> copy.copy(piece(path, FILE | 0644, 1, 0, "x")))
                    .as(path)
                    .isInstanceOf(StatusException.class);
        }
        assertThat(outside).isEmptyDirectory();
    }

    @Test
    void aFileInPlaceOfALinkReplacesTheLinkNotItsTarget() throws Exception {
        Path outside = Files.writeString(folder.resolve("target"), "untouched");
        copy.copy(below("file", LINK, 0, 0, outside.toString()));
        copy.copy(below("file", FILE | 0644, 3, 0, "new"));
        assertThat(outside).hasContent("untouched");
        assertThat(root.resolve("file")).hasContent("new").isRegularFile();
    }

    @Test
    void piecesThatDoNotFitAreRefused() {
        for (CopyFileRequest request : new CopyFileRequest[] {
            below("f", FILE, 3, 0, "four"),
            below("f", FILE, 3, -1, "x"),
            below("f", FILE, 3, 3, "x"),
            below("f", FILE, -3, 0, ""),
            below("f", FILE, FileCopy.MAX_FILE_BYTES + 1, 0, ""),
            below("f", FILE, Long.MAX_VALUE, Long.MAX_VALUE, "x"),
            below("f", 0060000, 0, 0, ""),
            below("f", 0140000, 0, 0, "")
        }) {
            assertThatThrownBy(() -> copy.copy(request)).isInstanceOf(StatusException.class);
        }
    }

    private String mode(String name) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(root.resolve(name)));
    }
}
