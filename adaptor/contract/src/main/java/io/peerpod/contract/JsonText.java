// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

/**
 * Writes JSON as Go's {@code MarshalIndent} lays it out with four spaces. Everything but printable ASCII is escaped, so that no
 * reader of YAML on the way has an opinion on a character.
 */
final class JsonText {
    private static final String INDENT = "    ";

    private final StringBuilder out = new StringBuilder();
    private int depth;
    private boolean first = true;

    void open(char bracket) {
        out.append(bracket);
        depth++;
        first = true;
    }

    void close(char bracket) {
        depth--;
        if (!first) {
            newLine();
        }
        out.append(bracket);
        first = false;
    }

    /** Starts an element of a list. */
    void element() {
        if (!first) {
            out.append(',');
        }
        newLine();
        first = false;
    }

    void name(String name) {
        element();
        text(name);
        out.append(": ");
    }

    void member(String name, String value) {
        name(name);
        text(value);
    }

    void member(String name, long value) {
        name(name);
        out.append(value);
    }

    void member(String name, boolean value) {
        name(name);
        out.append(value);
    }

    void literal(String value) {
        out.append(value);
    }

    void text(String value) {
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    // Go escapes the three for the sake of HTML.
                    if (c < 0x20 || c > 0x7e || c == '<' || c == '>' || c == '&') {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }

    private void newLine() {
        out.append('\n').append(INDENT.repeat(depth));
    }

    @Override
    public String toString() {
        return out.toString();
    }
}
