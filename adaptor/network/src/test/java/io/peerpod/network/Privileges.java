// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import org.junit.jupiter.api.Assumptions;

/** Skips tests that need rights over the network, saying why. */
public final class Privileges {
    private Privileges() {}

    /** Skips the calling test unless this process may create network namespaces. */
    public static void assumeNetworkAdministrator() {
        String reason = "";
        try {
            NetworkNamespace.createUnnamed().close();
        } catch (java.io.IOException e) {
            reason = "skipped: network namespaces need CAP_SYS_ADMIN and CAP_NET_ADMIN (root, or 'unshare -rnm'): "
                    + e.getMessage();
            System.out.println(reason);
        }
        Assumptions.assumeTrue(reason.isEmpty(), reason);
    }
}
