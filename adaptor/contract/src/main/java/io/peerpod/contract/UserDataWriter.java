// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import io.peerpod.contract.UserData.File;
import java.util.regex.Pattern;

/**
 * Writes cloud-config in the reference's layout: literal block scalars at a fixed indent, nothing quoted. What such a scalar cannot
 * carry is refused, where the reference writes a broken document.
 */
final class UserDataWriter {
    private static final Pattern PATH = Pattern.compile("(/[A-Za-z0-9._-]+)+");
    private static final String CONTENT_INDENT = "      ";

    private UserDataWriter() {}

    static String write(UserData userData) throws ContractException {
        StringBuilder out = new StringBuilder(UserData.HEADER).append('\n');
        if (!userData.files().isEmpty()) {
            out.append("\nwrite_files:\n");
        }
        for (File file : userData.files()) {
            if (!PATH.matcher(file.path()).matches()) {
                throw new ContractException(
                        UserDataReader.DOCUMENT,
                        "path",
                        "an absolute path of letters, digits, dots, hyphens and underscores",
                        ContractException.quoted(file.path()));
            }
            out.append("  - path: ").append(file.path()).append('\n');
            String content = withoutFinalNewlines(file.content());
            check(file.path(), content);
            if (!content.isEmpty()) {
                out.append("    content: |\n");
                content.lines()
                        .forEach(line -> out.append(CONTENT_INDENT).append(line).append('\n'));
            }
        }
        return out.toString();
    }

    private static String withoutFinalNewlines(String content) {
        int end = content.length();
        while (end > 0 && content.charAt(end - 1) == '\n') {
            end--;
        }
        return content.substring(0, end);
    }

    private static void check(String path, String content) throws ContractException {
        int line = 1;
        boolean atStart = true; // until a line with something on it: that one sets the reader's indent
        for (int i = 0; i < content.length(); i++) {
            char c = content.charAt(i);
            if (c == '\n') {
                line++;
                continue;
            }
            if (atStart && (c == ' ' || c == '\t')) {
                throw unusable(path, line, "a first line that is not indented", "a blank");
            }
            atStart = false;
            boolean pair = Character.isHighSurrogate(c)
                    && i + 1 < content.length()
                    && Character.isLowSurrogate(content.charAt(i + 1));
            if (pair) {
                i++;
            } else if (!isPlain(c)) {
                throw unusable(path, line, "printable characters, tabs and newlines", String.format("U+%04X", (int) c));
            }
        }
    }

    /** Printable in YAML and no line break in any version of it. */
    private static boolean isPlain(char c) {
        return c == '\t'
                || (c >= 0x20 && c <= 0x7e)
                || (c >= 0xa0
                        && c <= 0xfffd
                        && !Character.isSurrogate(c)
                        && c != '\u2028'
                        && c != '\u2029'
                        && c != '\ufeff');
    }

    private static ContractException unusable(String path, int line, String expected, String seen) {
        return new ContractException(UserDataReader.DOCUMENT, "content of " + path + ", line " + line, expected, seen);
    }
}
