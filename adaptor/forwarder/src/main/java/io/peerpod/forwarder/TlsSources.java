// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.contract.ForwarderConfig;
import io.peerpod.relay.guest.GuestTls;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the flags say about TLS. Flags win over {@code apf.json}: certificate and key as a pair, the authority, and the profile each
 * for itself (adaptor.md 5.1).
 *
 * <p>Without an authority for clients anybody who reaches the port would drive the agent. The reference lets them (W-D1); here that
 * must be asked for.
 *
 * @param disabled plain TCP, for everybody
 * @param skipVerify the reference's flag; it cannot be combined with an authority, and opens nothing by itself
 * @param anyClient serves clients without a certificate where there is no authority
 */
record TlsSources(
        boolean disabled,
        boolean skipVerify,
        boolean anyClient,
        Optional<Path> certificate,
        Optional<Path> key,
        Optional<Path> authority) {

    /** Largest PEM file that is read. */
    static final int PEM_LIMIT_BYTES = 1 << 20;

    /**
     * What the listener uses; empty for plain TCP.
     *
     * @throws ForwarderException if something is missing, contradicts or cannot be read
     */
    Optional<GuestTls> merge(ForwarderConfig config) throws ForwarderException {
        if (disabled) {
            return Optional.empty();
        }
        boolean fromFlags = certificate.isPresent() || key.isPresent();
        if (fromFlags && (certificate.isEmpty() || key.isEmpty())) {
            throw new ForwarderException("Only " + (certificate.isPresent() ? "-cert-file" : "-cert-key")
                    + " is given; a certificate and its key belong together. Give both, or neither to use those of the"
                    + " configuration file.");
        }
        Optional<String> usedCertificate = fromFlags ? read("-cert-file", certificate) : config.tlsServerCert();
        Optional<String> usedKey = fromFlags ? read("-cert-key", key) : config.tlsServerKey();
        if (usedCertificate.isEmpty() || usedKey.isEmpty()) {
            throw new ForwarderException(
                    "There is no " + (usedCertificate.isEmpty() ? "certificate" : "key for the certificate")
                            + " for the listener: neither -cert-file and -cert-key nor the configuration file (tls-server-cert,"
                            + " tls-server-key) has one. The adaptor puts them there unless it was given -ca-cert-file; then the"
                            + " VM's image must have them. -disable-tls serves plain TCP.");
        }
        Optional<String> usedAuthority =
                authority.isPresent() ? read("-ca-cert-file", authority) : config.tlsClientCa();
        if (usedAuthority.isPresent() && skipVerify) {
            throw new ForwarderException(
                    "-tls-skip-verify and an authority for clients contradict each other. Drop one.");
        }
        if (usedAuthority.isEmpty() && !anyClient) {
            throw new ForwarderException("There is no authority to check clients against: neither -ca-cert-file nor"
                    + " tls-client-ca of the configuration file. Anybody who reaches the port could run commands in the"
                    + " pod, so it stays closed. Give one, or -allow-unauthenticated-clients if the network is closed"
                    + " otherwise.");
        }
        return Optional.of(new GuestTls(
                usedCertificate.get(),
                usedKey.get(),
                usedAuthority,
                anyClient,
                config.tlsMinVersion(),
                config.tlsCipherSuites()));
    }

    private static Optional<String> read(String flag, Optional<Path> file) throws ForwarderException {
        Path path = file.orElseThrow();
        try (InputStream in = Files.newInputStream(path)) {
            byte[] content = in.readNBytes(PEM_LIMIT_BYTES + 1);
            if (content.length > PEM_LIMIT_BYTES) {
                throw new ForwarderException(
                        flag + ": " + path + " is larger than " + PEM_LIMIT_BYTES + " bytes; it is no PEM file");
            }
            return Optional.of(new String(content, StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            throw new ForwarderException(
                    flag + ": " + path + " cannot be read: " + e + ". Correct the path or the rights.", e);
        }
    }
}
