// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the operator demands of TLS beyond the defaults.
 *
 * @param minVersion {@code VersionTLS12} or {@code VersionTLS13}; empty means 1.2
 * @param cipherSuites IANA names, for TLS 1.2 only; empty means the defaults
 */
public record TlsProfile(Optional<String> minVersion, List<String> cipherSuites) {
    public TlsProfile {
        cipherSuites = List.copyOf(cipherSuites);
    }

    /**
     * What is wrong with it, in sentences; empty when nothing is.
     *
     * @param known the suites that this JVM can speak
     */
    public List<String> problems(List<String> known) {
        List<String> problems = new ArrayList<>();
        if (!cipherSuites.isEmpty() && minVersion.filter("VersionTLS13"::equals).isPresent()) {
            problems.add(
                    "-tls-cipher-suites: not accepted together with -tls-min-version VersionTLS13, whose suites are fixed; "
                            + "leave one of them out");
        }
        for (String suite : cipherSuites) {
            if (!known.contains(suite)) {
                problems.add("-tls-cipher-suites: '" + suite
                        + "' is no suite that can be spoken here; accepted are IANA names such as"
                        + " TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
            }
        }
        return problems;
    }
}
