// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.NotrackTable;
import java.io.IOException;
import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps connection tracking away from a tunnel's outer packets as far as the kernel lets us; a tunnel works without, so a failure is
 * a warning, once.
 */
final class Untracked {
    private static final Logger log = LoggerFactory.getLogger(Untracked.class);
    private static final AtomicBoolean WARNED = new AtomicBoolean();

    private Untracked() {}

    static void add(NetworkNamespace host, InetAddress remote, int port) {
        attempt(host, table -> table.put(remote, port));
    }

    static void remove(NetworkNamespace host, InetAddress remote, int port) {
        attempt(host, table -> table.delete(remote, port));
    }

    private interface Use {
        void of(NotrackTable table) throws IOException;
    }

    private static void attempt(NetworkNamespace host, Use use) {
        try (NotrackTable table = host.compute(NotrackTable::open)) {
            use.of(table);
        } catch (IOException e) {
            if (WARNED.compareAndSet(false, true)) {
                log.atWarn()
                        .addKeyValue("failure", e.getMessage())
                        .log("tunnels stay under connection tracking; a busy worker needs a large nf_conntrack_max");
            }
        }
    }
}
