// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import org.junit.jupiter.api.Assumptions;

/** The private namespaces that a system test needs (see {@code src/test/world/bin/java}). */
final class World {
    private World() {}

    /** Skips the test, printing why, where no private namespaces could be made. */
    static void require() {
        boolean apart = "private".equals(System.getProperty("peerpod.world"));
        if (!apart) {
            System.out.println(
                    "SKIPPED: this machine lets neither root nor a user namespace make private namespaces (unshare failed); "
                            + "run as root, or allow user namespaces");
        }
        Assumptions.assumeTrue(apart, "no private namespaces");
    }
}
