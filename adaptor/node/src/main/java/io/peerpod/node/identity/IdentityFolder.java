// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The automatic identities under {@code <state-dir>/tls}, one folder each: client key and certificate, server CA key and certificate. The
 * newest is used for new guests until it comes near its end.
 */
final class IdentityFolder {
    /** A guest made on the last day before renewal still has this long. */
    private static final Duration RENEWED_BEFORE_END = Duration.ofDays(180);

    private static final String CLIENT = "client.pem";
    private static final String CLIENT_KEY = "client.key";
    private static final String AUTHORITY = "server-ca.pem";
    private static final String AUTHORITY_KEY = "server-ca.key";
    private static final int NAME_BYTES = 8;
    private static final Logger log = LoggerFactory.getLogger(IdentityFolder.class);

    private final Path folder;
    private final Clock clock;

    IdentityFolder(Path folder, Clock clock) {
        this.folder = folder;
        this.clock = clock;
    }

    /** One automatic identity. */
    record Automatic(Path folder, CertificateIssuer.Issued client, CertificateIssuer.Issued authority) {
        String name() {
            return folder.getFileName().toString();
        }

        Path clientFile() {
            return folder.resolve(CLIENT);
        }

        Path clientKeyFile() {
            return folder.resolve(CLIENT_KEY);
        }

        Path authorityFile() {
            return folder.resolve(AUTHORITY);
        }

        private Instant end() {
            Instant client = client().certificate().getNotAfter().toInstant();
            Instant authority = authority().certificate().getNotAfter().toInstant();
            return client.isBefore(authority) ? client : authority;
        }
    }

    /** The newest identity that is not near its end; made when there is none. */
    Automatic current() throws IOException {
        makeFolder(folder);
        List<Automatic> usable = new ArrayList<>();
        try (Stream<Path> folders = Files.list(folder)) {
            for (Path candidate : folders.filter(
                            path -> !path.getFileName().toString().startsWith("."))
                    .toList()) {
                read(candidate).filter(this::fresh).ifPresent(usable::add);
            }
        }
        Optional<Automatic> newest = usable.stream()
                .max(Comparator.comparing(
                        automatic -> automatic.client().certificate().getNotBefore()));
        return newest.isPresent() ? newest.get() : make();
    }

    boolean fresh(Automatic identity) {
        Instant now = clock.instant();
        return identity.end().isAfter(now.plus(RENEWED_BEFORE_END))
                && identity.client().certificate().getNotBefore().toInstant().isBefore(now.plusSeconds(1));
    }

    /** The identity of a name, also one that is no longer used for new guests. */
    Optional<Automatic> find(String name) {
        return name.isEmpty() || name.contains("/") || name.startsWith(".")
                ? Optional.empty()
                : read(folder.resolve(name));
    }

    private Automatic make() throws IOException {
        CertificateIssuer issuer = new CertificateIssuer(clock);
        CertificateIssuer.Issued client = issuer.client();
        CertificateIssuer.Issued authority = issuer.serverAuthority();
        Path target = folder.resolve(fingerprint(client.certificate()));
        Path temporary = folder.resolve("." + target.getFileName());
        makeFolder(temporary);
        PemFile.write(temporary.resolve(CLIENT_KEY), client.keyPem());
        PemFile.write(temporary.resolve(CLIENT), client.certificatePem());
        PemFile.write(temporary.resolve(AUTHORITY_KEY), authority.keyPem());
        PemFile.write(temporary.resolve(AUTHORITY), authority.certificatePem());
        Files.move(temporary, target, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
        log.atInfo().addKeyValue("identity", target).log("made a TLS identity for new pod VMs");
        return new Automatic(target, client, authority);
    }

    private Optional<Automatic> read(Path identity) {
        try {
            return Optional.of(new Automatic(
                    identity,
                    issued(identity.resolve(CLIENT_KEY), identity.resolve(CLIENT)),
                    issued(identity.resolve(AUTHORITY_KEY), identity.resolve(AUTHORITY))));
        } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
            log.atWarn()
                    .addKeyValue("identity", identity)
                    .addKeyValue("failure", e.toString())
                    .log("a TLS identity cannot be read; it is not used for new pod VMs");
            return Optional.empty();
        }
    }

    private static CertificateIssuer.Issued issued(Path keyFile, Path certificateFile)
            throws IOException, GeneralSecurityException {
        PrivateKey key = KeyFactory.getInstance("EC")
                .generatePrivate(new PKCS8EncodedKeySpec(PemFile.read(keyFile, PemFile.PRIVATE_KEY)));
        X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(PemFile.read(certificateFile, PemFile.CERTIFICATE)));
        return new CertificateIssuer.Issued(key, certificate);
    }

    private static void makeFolder(Path folder) throws IOException {
        var rights = PosixFilePermissions.fromString("rwx------");
        Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(rights));
        Files.setPosixFilePermissions(folder, rights);
    }

    private static String fingerprint(X509Certificate certificate) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
            return HexFormat.of().formatHex(digest, 0, NAME_BYTES);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
