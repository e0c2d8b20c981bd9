// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

/**
 * A document from or for another process that does not keep to its format. The message names the document, the place, what is
 * expected and what was seen; it never repeats more than a short, printable piece of the document.
 */
public final class ContractException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Characters of a seen value that a message repeats. */
    private static final int MAX_SEEN_CHARACTERS = 60;

    private final String document;
    private final String place;
    private final String expected;
    private final String seen;

    /**
     * Makes the exception.
     *
     * @param document such as {@code apf.json}
     * @param place path in the document, such as {@code pod-network.routes[2].dst}, or a line; empty for the whole
     * @param expected what would be accepted
     * @param seen what is there
     */
    public ContractException(String document, String place, String expected, String seen) {
        super(document + (place.isEmpty() ? "" : ", " + place) + ": expected " + expected + ", seen " + seen);
        this.document = document;
        this.place = place;
        this.expected = expected;
        this.seen = seen;
    }

    /** The document's name. */
    public String document() {
        return document;
    }

    /** The path in the document; empty for the whole. */
    public String place() {
        return place;
    }

    /** What would be accepted. */
    public String expected() {
        return expected;
    }

    /** What is there. */
    public String seen() {
        return seen;
    }

    /** A value as messages show it: quoted, on one line, bounded. */
    static String quoted(String value) {
        StringBuilder text = new StringBuilder("'");
        int end = Math.min(value.length(), MAX_SEEN_CHARACTERS);
        for (int i = 0; i < end; i++) {
            char c = value.charAt(i);
            if (c < 0x20 || c > 0x7e) {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        text.append('\'');
        if (end < value.length()) {
            text.append(" and so on (").append(value.length()).append(" characters)");
        }
        return text.toString();
    }
}
