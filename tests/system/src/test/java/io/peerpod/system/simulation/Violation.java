// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

/** An invariant that does not hold. */
final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Violation(String what) {
        super(what);
    }

    static void unless(boolean holds, String what) {
        if (!holds) {
            throw new Violation(what);
        }
    }
}
