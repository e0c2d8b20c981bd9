// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

/** How values appear in messages: on one line, bounded, secrets masked. */
final class Shown {
    static final String MASK = "***";

    /** Characters of a value that a message repeats. */
    private static final int MAX_VALUE_CHARACTERS = 120;

    private Shown() {}

    static String value(Option<?> option, String text) {
        return option.isSecret() ? (text.isEmpty() ? "" : MASK) : line(text);
    }

    /** A parser's explanation, in which a careless parser may have repeated a secret. */
    static String explanation(Option<?> option, String text, String explanation) {
        return option.isSecret() && !text.isEmpty() ? line(explanation.replace(text, MASK)) : explanation;
    }

    static String line(String text) {
        StringBuilder line = new StringBuilder();
        int end = Math.min(text.length(), MAX_VALUE_CHARACTERS);
        for (int i = 0; i < end; i++) {
            char c = text.charAt(i);
            switch (c) {
                case '\n' -> line.append("\\n");
                case '\r' -> line.append("\\r");
                case '\t' -> line.append("\\t");
                default -> {
                    if (Character.isISOControl(c)) {
                        line.append(String.format("\\u%04x", (int) c));
                    } else {
                        line.append(c);
                    }
                }
            }
        }
        if (end < text.length()) {
            line.append("... (").append(text.length()).append(" characters)");
        }
        return line.toString();
    }
}
