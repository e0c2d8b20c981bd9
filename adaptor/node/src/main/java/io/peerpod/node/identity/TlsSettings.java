// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How the operator wants TLS.
 *
 * @param disabled plain TCP to the forwarder
 * @param skipVerify asked for, and never possible (W-D3)
 * @param authority PEM file that the forwarder's certificate must chain to; empty means that we issue it
 * @param certificate PEM file of the client certificate; empty means that we make one
 * @param key its key
 */
public record TlsSettings(
        boolean disabled,
        boolean skipVerify,
        Optional<Path> authority,
        Optional<Path> certificate,
        Optional<Path> key,
        TlsProfile profile) {

    /**
     * What is wrong with the settings and the files they name, in sentences.
     *
     * @param now the certificates must be valid at
     * @param knownSuites the cipher suites that this JVM can speak
     */
    public List<String> problems(Instant now, List<String> knownSuites) {
        if (disabled) {
            return List.of();
        }
        List<String> problems = new ArrayList<>(profile.problems(knownSuites));
        if (skipVerify) {
            problems.add(
                    "-tls-skip-verify: not accepted, since a guest that nobody verified must not get a pod's secrets;"
                            + " leave it out (our own certificates are used then), or give -ca-cert-file");
        }
        if (certificate.isPresent() != key.isPresent()) {
            problems.add(
                    certificate.isPresent()
                            ? "-cert-key: not set, but -cert-file is; accepted are both or none"
                            : "-cert-file: not set, but -cert-key is; accepted are both or none");
        }
        TlsFilesCheck check = new TlsFilesCheck(now);
        authority.ifPresent(file -> check.certificates("ca-cert-file", file));
        if (certificate.isPresent() && key.isPresent()) {
            var chain = check.certificates("cert-file", certificate.get());
            check.key("cert-key", key.get(), chain.stream().findFirst());
        }
        problems.addAll(check.problems());
        return problems;
    }
}
