// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.util.List;

/** The words that the Go reader of {@code apf.json} knows; any other makes it refuse the whole file. */
final class ApfNames {
    static final String DOCUMENT = "apf.json";

    static final List<String> PROTOCOLS = List.of("kernel", "boot", "static", "dhcp");
    static final String UNIVERSE = "universe";
    static final List<String> SCOPES = List.of(UNIVERSE, "site", "link", "host", "nowhere");
    static final List<String> STATES =
            List.of("none", "incomplete", "reachable", "stale", "delay", "probe", "failed", "noarp", "permanent");
    static final List<String> TLS_VERSIONS = List.of("VersionTLS12", "VersionTLS13");

    private ApfNames() {}
}
