// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.contract.InstanceName;
import io.peerpod.relay.TlsFiles;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyFactory;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdentitiesTest {
    private static final Instant NOW = Instant.parse("2026-11-24T10:20:30Z");
    private static final TlsProfile PLAIN = new TlsProfile(Optional.empty(), List.of());
    private static final TlsSettings AUTOMATIC =
            new TlsSettings(false, false, Optional.empty(), Optional.empty(), Optional.empty(), PLAIN);

    @TempDir
    private Path temporary;

    private Path folder = Path.of("");

    @BeforeEach
    void choose() {
        folder = temporary.resolve("tls");
    }

    private Identities at(Instant now, TlsSettings settings) {
        return new Identities(folder, settings, Clock.fixed(now, ZoneOffset.UTC));
    }

    private static X509Certificate certificate(String pem) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
    }

    private static X509Certificate certificate(Path file) throws Exception {
        return certificate(Files.readString(file));
    }

    private static void common(X509Certificate certificate, Instant now) {
        assertThat(certificate.getSigAlgName()).isEqualTo("SHA256withECDSA");
        assertThat(((ECPublicKey) certificate.getPublicKey())
                        .getParams()
                        .getCurve()
                        .getField()
                        .getFieldSize())
                .isEqualTo(256);
        boolean[] usage = certificate.getKeyUsage();
        assertThat(usage[0]).as("digitalSignature").isTrue();
        assertThat(usage[5]).as("keyCertSign").isTrue();
        assertThat(certificate.getNotBefore().toInstant()).isEqualTo(now.minus(Duration.ofMinutes(5)));
        assertThat(certificate.getSerialNumber().bitLength()).isBetween(96, 128);
        assertThat(certificate.getExtensionValue("2.5.29.19"))
                .as("basicConstraints")
                .isNotNull();
    }

    @Test
    void theAutomaticCertificatesHaveTheShapeThatTheReferenceGivesThem() throws Exception {
        Identities identities = at(NOW, AUTOMATIC);
        Identity identity = identities.current();
        TlsFiles files = identity.files().orElseThrow();
        X509Certificate client = certificate(files.certificate());
        X509Certificate authority = certificate(files.authority());
        GuestCredentials guest = identities.credentials(identity.name(), "podvm-web-12345678");
        X509Certificate server = certificate(guest.serverCertificate().orElseThrow());
        for (X509Certificate each : List.of(client, authority, server)) {
            common(each, NOW);
            assertThat(each.getNotAfter().toInstant())
                    .isEqualTo(NOW.minus(Duration.ofMinutes(5)).plus(Duration.ofDays(730)));
        }
        assertThat(client.getSubjectX500Principal().getName()).isEqualTo("O=cloud-api-adaptor");
        assertThat(client.getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.2");
        assertThat(client.getBasicConstraints()).as("no CA").isEqualTo(-1);
        client.verify(client.getPublicKey());
        assertThat(authority.getSubjectX500Principal().getName()).isEqualTo("O=agent-protocol-forwarder");
        assertThat(authority.getBasicConstraints()).as("a CA").isGreaterThanOrEqualTo(0);
        assertThat(authority.getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.1");
        assertThat(server.getSubjectX500Principal().getName())
                .isEqualTo("CN=podvm-web-12345678,O=agent-protocol-forwarder");
        assertThat(server.getSubjectAlternativeNames()).containsExactly(List.of(2, "podvm-web-12345678"));
        server.verify(authority.getPublicKey());
        String key = guest.serverKey().orElseThrow();
        assertThat(key).startsWith("-----BEGIN PRIVATE KEY-----\n").endsWith("-----END PRIVATE KEY-----\n");
        KeyFactory.getInstance("EC")
                .generatePrivate(new PKCS8EncodedKeySpec(
                        PemFile.block(key, PemFile.PRIVATE_KEY).orElseThrow()));
        assertThat(guest.clientAuthority()).contains(Files.readString(files.certificate()));
        assertThat(guest.toString()).doesNotContain("KEY");
    }

    @Test
    void nobodyElseMayReadTheKeys() throws Exception {
        at(NOW, AUTOMATIC).warmUp();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                        .as("%s", file)
                        .isEqualTo(Files.isDirectory(file) ? "rwx------" : "rw-------");
            }
        }
    }

    @Test
    void aRestartUsesTheSameIdentity() throws Exception {
        Identity first = at(NOW, AUTOMATIC).current();
        assertThat(at(NOW.plus(Duration.ofDays(400)), AUTOMATIC).current()).isEqualTo(first);
    }

    @Test
    void nearItsEndANewOneIsMadeAndTheOldOneStaysForTheGuestsThatTrustIt() throws Exception {
        Identity first = at(NOW, AUTOMATIC).current();
        Identities later = at(NOW.plus(Duration.ofDays(600)), AUTOMATIC);
        Identity second = later.current();
        assertThat(second.name()).isNotEqualTo(first.name());
        assertThat(later.find(first.name())).isEqualTo(first);
        assertThat(later.credentials(first.name(), "podvm-a").clientAuthority().orElseThrow())
                .isEqualTo(Files.readString(first.files().orElseThrow().certificate()));
    }

    @Test
    void anIdentityThatCannotBeReadIsReplacedAndLeftAlone() throws Exception {
        Identity first = at(NOW, AUTOMATIC).current();
        Path key = first.files().orElseThrow().key();
        Files.writeString(key, "garbage");
        Identity second = at(NOW, AUTOMATIC).current();
        assertThat(second.name()).isNotEqualTo(first.name());
        assertThat(key).hasContent("garbage");
    }

    @Test
    void aMissingIdentityIsNamed() {
        assertThatThrownBy(() -> at(NOW, AUTOMATIC).find("0123456789abcdef")).hasMessageContaining("0123456789abcdef");
        assertThatThrownBy(() -> at(NOW, AUTOMATIC).find("../../etc")).isInstanceOf(java.io.IOException.class);
    }

    @Test
    void withoutTlsThereIsNothing() throws Exception {
        Identities identities =
                at(NOW, new TlsSettings(true, false, Optional.empty(), Optional.empty(), Optional.empty(), PLAIN));
        identities.warmUp();
        assertThat(identities.current().files()).isEmpty();
        assertThat(identities.credentials(Identity.NONE, "podvm-a").serverKey()).isEmpty();
        assertThat(folder).doesNotExist();
    }

    /** Certificate, key and CA of an operator, made with our own issuer. */
    private TlsSettings operatorsFiles() throws Exception {
        CertificateIssuer issuer = new CertificateIssuer(Clock.fixed(NOW, ZoneOffset.UTC));
        CertificateIssuer.Issued client = issuer.client();
        Path certificate = temporary.resolve("client.crt");
        Path key = temporary.resolve("client.key");
        Path authority = temporary.resolve("ca.crt");
        PemFile.write(certificate, client.certificatePem());
        PemFile.write(key, client.keyPem());
        PemFile.write(authority, issuer.serverAuthority().certificatePem());
        return new TlsSettings(false, false, Optional.of(authority), Optional.of(certificate), Optional.of(key), PLAIN);
    }

    @Test
    void withTheOperatorsFilesNothingIsMadeAndTheServersNameIsFixed() throws Exception {
        TlsSettings settings = operatorsFiles();
        assertThat(settings.problems(NOW, List.of())).isEmpty();
        Identities identities = at(NOW, settings);
        identities.warmUp();
        Identity identity = identities.current();
        assertThat(identity.name()).isEqualTo(Identity.FILES);
        assertThat(identity.files().orElseThrow().authority())
                .isEqualTo(settings.authority().orElseThrow());
        assertThat(identities.serverName(identity.name(), "podvm-a")).isEqualTo(InstanceName.MANUAL_SERVER_NAME);
        assertThat(identities.credentials(identity.name(), "podvm-a").clientAuthority())
                .isEmpty();
        assertThat(folder).doesNotExist();
    }

    @Test
    void filesThatCannotWorkAreAllNamedAtStart() throws Exception {
        TlsSettings good = operatorsFiles();
        Path none = temporary.resolve("none.pem");
        Path noPem = temporary.resolve("no.pem");
        Files.writeString(noPem, "hello");
        assertThat(new TlsSettings(false, true, Optional.of(none), Optional.of(noPem), Optional.of(noPem), PLAIN)
                        .problems(NOW, List.of()))
                .hasSize(4)
                .anySatisfy(text -> assertThat(text).contains("-tls-skip-verify"))
                .anySatisfy(text -> assertThat(text).contains("-ca-cert-file", none.toString(), "there is no file"))
                .anySatisfy(text -> assertThat(text).contains("-cert-file", "no certificate in PEM form"))
                .anySatisfy(text -> assertThat(text).contains("-cert-key", "no private key in PEM form"));
        assertThat(new TlsSettings(false, false, good.authority(), good.certificate(), Optional.empty(), PLAIN)
                        .problems(NOW, List.of()))
                .singleElement()
                .asString()
                .contains("-cert-key");
        assertThat(good.problems(NOW.plus(Duration.ofDays(800)), List.of()))
                .hasSize(2)
                .allSatisfy(text -> assertThat(text).contains("expired"));
        PemFile.write(
                good.key().orElseThrow(),
                PemFile.text(
                        PemFile.PRIVATE_KEY,
                        CertificateIssuer.newKey().getPrivate().getEncoded()));
        assertThat(good.problems(NOW, List.of())).singleElement().asString().contains("-cert-key", "does not belong");
    }

    @Test
    void aProfileThatCannotWorkIsNamed() {
        assertThat(new TlsProfile(Optional.of("VersionTLS13"), List.of("TLS_X")).problems(List.of("TLS_Y")))
                .hasSize(2);
        assertThat(new TlsProfile(Optional.of("VersionTLS12"), List.of("TLS_Y")).problems(List.of("TLS_Y")))
                .isEmpty();
    }
}
