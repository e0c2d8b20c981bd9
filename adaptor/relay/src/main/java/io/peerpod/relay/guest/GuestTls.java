// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import java.util.List;
import java.util.Optional;

/**
 * The forwarder's TLS identity and whom it lets in, as PEM texts.
 *
 * @param certificate chain shown to clients
 * @param key private key of its first certificate: PKCS#8, SEC 1 or PKCS#1, not encrypted
 * @param clientAuthority certificates that a client's must chain to, or be; empty only together with {@code anyClient}
 * @param anyClient asks no client for a certificate when there is no client authority, as the reference does; without it a missing authority is refused
 * @param minVersion {@code VersionTLS12} or {@code VersionTLS13}; empty means 1.2
 * @param cipherSuites IANA names, for TLS 1.2 only; empty means the defaults
 */
public record GuestTls(
        String certificate,
        String key,
        Optional<String> clientAuthority,
        boolean anyClient,
        Optional<String> minVersion,
        List<String> cipherSuites) {
    /** Copies the list. */
    public GuestTls {
        cipherSuites = List.copyOf(cipherSuites);
    }

    /** Without the key. */
    @Override
    public String toString() {
        return "GuestTls[key=***, clientAuthority=" + (clientAuthority.isPresent() ? "given" : "none") + ", anyClient="
                + anyClient + ", minVersion=" + minVersion + ", cipherSuites=" + cipherSuites + "]";
    }
}
