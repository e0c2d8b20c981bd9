// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import java.util.ArrayList;
import java.util.List;

/** A table of plain text: columns as wide as their widest cell, two blanks between them, nothing behind the last. */
public final class TextTable {
    private static final int FIRST_PRINTABLE = 0x20;

    private final List<List<String>> rows = new ArrayList<>();

    /** A table with these titles. */
    public TextTable(String... titles) {
        rows.add(List.of(titles));
    }

    /** Adds a row of as many cells as there are titles. */
    public TextTable add(String... cells) {
        List<String> row = new ArrayList<>();
        for (String cell : cells) {
            row.add(plain(cell));
        }
        rows.add(row);
        return this;
    }

    /** Text from a journal, without what could make a terminal do something. */
    static String plain(String text) {
        StringBuilder plain = new StringBuilder(text.length());
        text.codePoints()
                .map(c -> c < FIRST_PRINTABLE || (c >= 0x7f && c < 0xa0) ? ' ' : c)
                .forEach(plain::appendCodePoint);
        return plain.toString();
    }

    @Override
    public String toString() {
        int columns = rows.getFirst().size();
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < columns; i++) {
                line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }
}
