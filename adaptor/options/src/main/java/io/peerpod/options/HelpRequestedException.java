// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

/** {@code -h}, {@code -help} or {@code --help} was given: print {@link #getMessage()} on standard output and exit 0. */
public final class HelpRequestedException extends Exception {
    private static final long serialVersionUID = 1L;

    HelpRequestedException(String help) {
        super(help);
    }
}
