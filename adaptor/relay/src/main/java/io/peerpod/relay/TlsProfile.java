// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;

/** Which versions and suites a connection may use: the names are those of the reference's flags, so that one value fits both products. */
record TlsProfile(List<String> protocols, List<String> cipherSuites) {
    static final String TLS12 = "VersionTLS12";
    static final String TLS13 = "VersionTLS13";

    /** AES-128-GCM first: it is the cheapest on every machine with AES instructions. */
    private static final List<String> SUITES_13 =
            List.of("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256");

    private static final List<String> SUITES_12 = List.of(
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA");

    /**
     * Reads a profile.
     *
     * @param context whose provider must know the suites
     * @throws IllegalArgumentException for an unknown version or suite, and for suites together with TLS 1.3, which has no choice of them
     */
    static TlsProfile of(Optional<String> minVersion, List<String> cipherSuites, SSLContext context) {
        boolean only13 = switch (minVersion.orElse("")) {
            case "", TLS12 -> false;
            case TLS13 -> true;
            default ->
                throw new IllegalArgumentException("minimum TLS version " + minVersion.orElse("")
                        + " is not known; accepted are " + TLS12 + " and " + TLS13);
        };
        if (only13 && !cipherSuites.isEmpty()) {
            throw new IllegalArgumentException("cipher suites can only be chosen for TLS 1.2; with minimum version "
                    + TLS13 + " leave them out (given: " + String.join(", ", cipherSuites) + ")");
        }
        Set<String> supported = Set.of(context.getSupportedSSLParameters().getCipherSuites());
        Set<String> enabled = new LinkedHashSet<>(SUITES_13);
        if (!only13) {
            enabled.addAll(cipherSuites.isEmpty() ? SUITES_12 : chosen(cipherSuites, supported));
        }
        enabled.retainAll(supported);
        List<String> protocols = only13 ? List.of("TLSv1.3") : List.of("TLSv1.3", "TLSv1.2");
        return new TlsProfile(protocols, List.copyOf(enabled));
    }

    private static List<String> chosen(List<String> names, Set<String> supported) {
        List<String> unknown = new ArrayList<>();
        List<String> suites = new ArrayList<>();
        for (String name : names) {
            // The oldest suites carry their old prefix in Java.
            String legacy = name.replaceFirst("^TLS_", "SSL_");
            if (supported.contains(name)) {
                suites.add(name);
            } else if (supported.contains(legacy)) {
                suites.add(legacy);
            } else {
                unknown.add(name);
            }
        }
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException("unknown or unsafe cipher suites: " + String.join(", ", unknown)
                    + "; accepted are IANA names such as " + SUITES_12.getFirst());
        }
        return suites;
    }
}
