// SPDX-License-Identifier: Apache-2.0
package io.peerpod.cli;

/**
 * What the doctor saw of one thing.
 *
 * @param thing what was looked at
 * @param verdict how it stands
 * @param seen what was seen, in words
 * @param remedy what to do about it; empty when there is nothing to do
 */
record Finding(String thing, Verdict verdict, String seen, String remedy) {

    /** How a thing stands. */
    enum Verdict {
        OK("ok"),
        /** Works, but not everything will. */
        LIMITED("limited"),
        BROKEN("BROKEN");

        private final String word;

        Verdict(String word) {
            this.word = word;
        }
    }

    static Finding ok(String thing, String seen) {
        return new Finding(thing, Verdict.OK, seen, "");
    }

    static Finding limited(String thing, String seen, String remedy) {
        return new Finding(thing, Verdict.LIMITED, seen, remedy);
    }

    static Finding broken(String thing, String seen, String remedy) {
        return new Finding(thing, Verdict.BROKEN, seen, remedy);
    }

    /** One or two lines for a terminal. */
    String line() {
        String first = String.format("%-8s %-34s %s", verdict.word, thing, seen);
        return remedy.isEmpty() ? first : first + "\n" + " ".repeat(9) + "-> " + remedy;
    }
}
