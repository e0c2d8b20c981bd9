// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.util.List;

/** Options that cannot be used: every problem at once, secrets masked. */
public final class InvalidOptionsException extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    /**
     * Collects problems.
     *
     * @param program whose options they are
     * @param problems sentences naming key, origin, value and what is accepted; at least one
     */
    public InvalidOptionsException(String program, List<String> problems) {
        super(message(program, problems));
        this.problems = List.copyOf(problems);
    }

    private static String message(String program, List<String> problems) {
        String count = problems.size() == 1 ? "a problem" : problems.size() + " problems";
        return program + ": " + count + " with the options\n  " + String.join("\n  ", problems);
    }

    /** One sentence a problem, in the order of the arguments and then of the table. */
    public List<String> problems() {
        return problems;
    }
}
