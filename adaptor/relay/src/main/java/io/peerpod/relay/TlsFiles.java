// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Where the node half finds its TLS material; only paths travel to the relay, never keys.
 *
 * @param certificate PEM chain that the relay shows to the forwarder
 * @param key PEM private key of its first certificate: PKCS#8, SEC 1 or PKCS#1, not encrypted
 * @param authority PEM certificates that the forwarder's certificate must chain to
 * @param minVersion {@code VersionTLS12} or {@code VersionTLS13}; empty means 1.2
 * @param cipherSuites IANA names, for TLS 1.2 only; empty means the defaults
 */
public record TlsFiles(
        Path certificate, Path key, Path authority, Optional<String> minVersion, List<String> cipherSuites) {
    /** Copies the list. */
    public TlsFiles {
        cipherSuites = List.copyOf(cipherSuites);
    }
}
