// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

/** The daemon is killed: nothing behind the throw happens any more. */
final class Death extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Death() {
        super("killed", null, false, false);
    }
}
