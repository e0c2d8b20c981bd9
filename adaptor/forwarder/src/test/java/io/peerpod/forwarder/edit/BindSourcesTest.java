// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BindSourcesTest {

    @TempDir
    private Path folder;

    private final BindSources sources = new BindSources();

    @Test
    void aMissingSourceIsCreatedForItsOwnerToWrite() throws Exception {
        sources.ensure(folder + "/var//log/");
        assertThat(folder.resolve("var/log")).isDirectory();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("var"))))
                .isEqualTo("rwxr-xr-x");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/etc/hostname", "/proc/self/status", "/usr", "/dev/null"})
    void whatExistsIsNotLookedAtFurther(String source) {
        assertThatCode(() -> sources.ensure(source)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/etc/none-such",
                "/usr/none-such/x",
                "/bin/none-such",
                "/sbin/none-such",
                "/lib/none-such",
                "/lib64/none-such",
                "/boot/none-such/x",
                "/proc/none-such",
                "/sys/none-such",
                "/dev/none-such",
                "/run/peerpod/none-such",
                "/tmp/../etc/none-such",
                "/tmp/./none-such",
                "tmp/none-such",
                ""
            })
    void theVmsOwnFoldersAndCrookedPathsAreRefused(String source) {
        assertThatThrownBy(() -> sources.ensure(source))
                .isInstanceOfSatisfying(
                        StatusException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION));
    }

    @Test
    void aLinkDoesNotLeadIntoTheVmsOwnFolders() throws IOException {
        Files.createSymbolicLink(folder.resolve("link"), Path.of("/etc"));
        assertThatThrownBy(() -> sources.ensure(folder + "/link/none-such"))
                .hasMessageContaining("nothing is created below /etc");
    }

    @Test
    void aPathThatIsNoPathIsRefused() {
        assertThatThrownBy(() -> sources.ensure("/tmp/a\0b"))
                .isInstanceOfSatisfying(
                        StatusException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT));
    }

    @Test
    void aFileInTheWayIsSaidInWords() throws IOException {
        Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> sources.ensure(folder + "/file/x")).hasMessageContaining("creating it failed");
    }

    @Test
    void oneRequestCreatesABoundedNumberOfFolders() throws Exception {
        for (int i = 0; i < BindSources.MAX_CREATED; i++) {
            sources.ensure(folder + "/f/" + i);
        }
        assertThatThrownBy(() -> sources.ensure(folder + "/f/one-more"))
                .hasMessageContaining("more than " + BindSources.MAX_CREATED);
    }
}
