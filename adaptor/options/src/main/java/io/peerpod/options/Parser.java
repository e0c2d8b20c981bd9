// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

/**
 * Turns the text of an option into its value. {@link Parsers} holds the usual ones.
 *
 * @param <T> type of the value
 */
@FunctionalInterface
public interface Parser<T> {

    /**
     * Reads a value.
     *
     * @param text as the user wrote it; may be empty
     * @throws IllegalArgumentException whose message says what is accepted, as in {@code a whole number from 1 to 65535}; it must not
     *     repeat the text, which may be a secret
     */
    T parse(String text);

    /** What is accepted, for a value that is missing. */
    default String accepted() {
        return "a value";
    }
}
