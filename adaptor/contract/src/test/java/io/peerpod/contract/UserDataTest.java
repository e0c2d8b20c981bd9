// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.contract.UserData.File;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class UserDataTest {
    private static final UserData POD = UserData.EMPTY
            .with(GuestPaths.APF_JSON, Samples.ipv4().write())
            .with(GuestPaths.AUTH_JSON, "{\"auths\":{\"registry.example\":{\"auth\":\"dTpw\"}}}")
            .with(GuestPaths.INITDATA, "H4sIAAAAAAAA/w==\n")
            .with(
                    GuestPaths.AA_TOML,
                    "[a]\n\n  indented = '#'\n\ttab = \"\u00e9\u4e2d\ud83d\ude00\"\n---\n%YAML\n   \nend\n\n\n")
            .with(GuestPaths.SCRATCH_SPACE_MARKER, "");

    @Test
    void aDocumentIsWrittenByteForByteAsTheReferenceDoes() throws ContractException {
        Golden.assertEquals("user-data.yaml", POD.write());
        assertThat(UserData.EMPTY.write()).isEqualTo("#cloud-config\n");
    }

    @Test
    void whatWasWrittenIsReadWithOneNewlineAtTheEndOfEachFile() throws ContractException {
        UserData read = parse(POD.write());
        assertThat(read.files()).hasSize(POD.files().size());
        for (File file : POD.files()) {
            String content = file.content().stripTrailing();
            assertThat(read.content(file.path())).contains(content.isEmpty() ? "" : content + "\n");
        }
        assertThat(read.content("/other")).isEmpty();
        assertThat(parse(UserData.EMPTY.write()).files()).isEmpty();
        assertThat(parse(read.write())).isEqualTo(read);
    }

    @Test
    void theSizeOfEachFileIsKnown() {
        assertThat(UserData.EMPTY.with("/a", "\u00e9\n").with("/b", "").sizes())
                .containsExactly(Map.entry("/a", 3), Map.entry("/b", 0));
    }

    @Test
    void itsTextFormHidesTheContent() {
        assertThat(POD.toString()).contains(GuestPaths.APF_JSON).doesNotContain("MIGH");
    }

    @ParameterizedTest
    @CsvSource({
        "' a', U, first line that is not indented",
        "'\n\n a', U, first line that is not indented",
        "'\ta', U, first line that is not indented",
        "'   \na', U, first line that is not indented",
        "'a\r\nb', U+000D, printable",
        "'a\u0000b', U+0000, printable",
        "'a\u007f', U+007F, printable",
        "'a\u0085b', U+0085, printable",
        "'a\u2028b', U+2028, printable",
        "'a\ufeff', U+FEFF, printable",
        "'a\ud800', U+D800, printable",
        "'a\ud83d', U+D83D, printable",
        "'a\udc00\ud800b', U+DC00, printable",
    })
    void contentThatABlockCannotCarryIsRefusedInsteadOfBroken(String content, String seen, String expected) {
        UserData data = UserData.EMPTY.with("/run/peerpod/x", content);
        assertThatThrownBy(data::write)
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("content of /run/peerpod/x, line")
                .hasMessageContaining(expected)
                .hasMessageContaining(seen.equals("U") ? "a blank" : seen);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "relative", "/", "/a b", "/a: b", "/a #b", "/a\nb", "/a/", "//a", "/\u00e9"})
    void aPathThatNeedsQuotesIsRefused(String path) {
        assertThatThrownBy(() -> UserData.EMPTY.with(path, "x").write())
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("path");
    }

    @Test
    void aPathTwiceIsRefused() {
        assertThatThrownBy(() -> POD.with(GuestPaths.APF_JSON, "x")).hasMessageContaining("a file twice");
        assertRefused("write_files:\n- path: /a\n- path: /a\n", "line 4", "each path once");
    }

    @Test
    void otherStylesOfTheSameDocumentAreRead() throws ContractException {
        UserData read = parse("""
                #cloud-config
                # a comment
                "write_files":
                - content: |2
                      two more blanks
                  path: '/run/peerpod/a'
                - {path: "/run/peerpod/b", content: "line\\nline\\t\\u00e9"}
                - path: /run/peerpod/c
                  content: >-
                    folded
                    text
                - path: /run/peerpod/d
                  content: |+
                    kept

                - path: /run/peerpod/e
                  content: 1
                - path: /run/peerpod/f
                  content:
                - path: /run/peerpod/g
                  content: |-
                    stripped
                """);
        assertThat(read.files())
                .containsExactly(
                        new File("/run/peerpod/a", "  two more blanks\n"),
                        new File("/run/peerpod/b", "line\nline\t\u00e9"),
                        new File("/run/peerpod/c", "folded text"),
                        new File("/run/peerpod/d", "kept\n\n"),
                        new File("/run/peerpod/e", "1"),
                        new File("/run/peerpod/f", ""),
                        new File("/run/peerpod/g", "stripped"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "write_files:\n", "write_files: []\n", "write_files: ~\n", "{}\n", "--- {}\n"})
    void noFilesAreNoError(String body) throws ContractException {
        assertThat(parse("#cloud-config\n" + body).files()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'runcmd: [x]\n'                                                  | line 2 | write_files as the only key",
                "'write_files: []\nwrite_files: []\n'                             | line 3 | write_files once",
                "'write_files: {}\n'                                              | line 2 | a list of files",
                "'write_files: text\n'                                            | line 2 | a list of files",
                "'- path: /a\n'                                                   | line 2 | write_files",
                "'write_files: [text]\n'                                          | line 2 | path and content",
                "'write_files: [[[]]]\n'                                          | line 2 | path and content",
                "'write_files:\n- path: /a\n  permissions: \"0600\"\n'            | line 4 | cloud-init knows it",
                "'write_files:\n- path: /a\n  owner: root\n'                      | line 4 | cloud-init knows it",
                "'write_files:\n- path: /a\n  mode: 1\n'                          | line 4 | only path and content",
                "'write_files:\n- path: /a\n  path: /b\n'                         | line 4 | each key once",
                "'write_files:\n- path: /a\n  content: x\n  content: y\n'         | line 5 | each key once",
                "'write_files:\n- content: x\n'                                   | line 3 | absolute path",
                "'write_files:\n- path: etc/passwd\n'                             | line 3 | absolute path",
                "'write_files:\n- path: [/a]\n'                                   | line 3 | a path",
                "'write_files:\n- path: /a\n  content: {x: y}\n'                  | line 4 | a text",
                "'write_files:\n- path: /a\n  content: &x y\n'                    | line 4 | without anchors",
                "'write_files:\n- path: *x\n'                                     | line 3 | without anchors",
                "'write_files: &x []\n'                                           | line 2 | without anchors",
                "'write_files:\n- path: /a\n  content: !!binary aGk=\n'           | line 4 | a tag",
                "'write_files:\n- path: /a\n  content: !x\n'                      | line 4 | a tag",
                "'write_files:\n- <<: {path: /a}\n'                               | line 3 | only path and content",
                "'? [a]\n: b\n'                                                   | line 2 | write_files",
                "'write_files: []\n---\nwrite_files: []\n'                        | line 3 | one document",
                "'write_files: [\n'                                               | line 3, column 1 | valid YAML",
                "'write_files:\n- path: /a\n  content: |\n\tx\n'                  | line 5, column 1 | valid YAML",
                "'write_files:\n- path: /a\n content: x\n'                        | line 4, column 2 | valid YAML",
                "'write_files: \"\u0000\"\n'                                      | '' | valid YAML",
            })
    void anythingElseIsRefusedWithItsLine(String body, String place, String expected) {
        assertRefused(body, place, expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\n#cloud-config\n",
                "#!/bin/sh\n",
                "write_files: []\n",
                "Content-Type: multipart/mixed\n",
                "\u001f\u008b"
            })
    void theFirstLineMustBeTheHeader(String document) {
        assertThatThrownBy(() -> parse(document))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("line 1: expected #cloud-config");
    }

    @Test
    void deepNestingManyFilesAndLargeDocumentsAreRefused() {
        assertRefused("write_files: " + "[".repeat(10_000) + "]".repeat(10_000), "line 2", "path and content");
        assertRefused("x: ".repeat(10_000), "line 2", "write_files as the only key");
        assertRefused(
                "write_files:\n- path: /a\n  content: " + "{a: ".repeat(10_000) + "}".repeat(10_000),
                "line 4",
                "a text");
        StringBuilder many = new StringBuilder("write_files:\n");
        for (int i = 0; i <= UserData.MAX_FILES; i++) {
            many.append("- path: /f").append(i).append('\n');
        }
        assertRefused(many.toString(), "line 67", "at most 64 files");
        assertThatThrownBy(() -> UserData.parse(new byte[UserData.MAX_BYTES + 1]))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("at most");
        assertThatThrownBy(() -> UserData.parse(new byte[] {'#', (byte) 0xc3})).hasMessageContaining("UTF-8");
    }

    @Test
    void noTruncationMakesAnythingButAnErrorOrAPrefix() throws ContractException {
        byte[] whole = POD.write().getBytes(StandardCharsets.UTF_8);
        UserData read = UserData.parse(whole);
        for (int length = 0; length < whole.length; length++) {
            try {
                UserData piece = UserData.parse(Arrays.copyOf(whole, length));
                for (File file : piece.files()) {
                    String full = read.content(file.path()).orElse(file.content());
                    assertThat(full).startsWith(file.content().stripTrailing());
                }
            } catch (ContractException e) {
                assertThat(e.document()).isEqualTo("user data");
            }
        }
    }

    @Test
    void noMessageQuotesTheKey() {
        String secret = "write_files:\n- path: /a\n  content: \"secret\n";
        assertThatThrownBy(() -> parse("#cloud-config\n" + secret))
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("secret"));
    }

    private static UserData parse(String document) throws ContractException {
        return UserData.parse(document.getBytes(StandardCharsets.UTF_8));
    }

    private static void assertRefused(String body, String place, String expected) {
        assertThatThrownBy(() -> parse("#cloud-config\n" + body)).isInstanceOfSatisfying(ContractException.class, e -> {
            assertThat(e.place()).isEqualTo(place);
            assertThat(e.getMessage()).contains(expected);
        });
    }
}
