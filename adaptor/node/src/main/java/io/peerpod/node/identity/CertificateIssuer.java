// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.Optional;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** Makes the three kinds of certificate of the automatic mode (adaptor.md 4.1). */
final class CertificateIssuer {
    static final Duration VALIDITY = Duration.ofDays(730);

    /** Clocks of worker and guest differ. */
    private static final Duration BACKDATED = Duration.ofMinutes(5);

    private static final int SERIAL_BITS = 128;
    private static final X500Name CLIENT = new X500Name("O=cloud-api-adaptor");
    private static final X500Name SERVER = new X500Name("O=agent-protocol-forwarder");

    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    CertificateIssuer(Clock clock) {
        this.clock = clock;
    }

    /** A key and its certificate. */
    record Issued(PrivateKey key, X509Certificate certificate) {
        String keyPem() {
            return PemFile.text(PemFile.PRIVATE_KEY, key.getEncoded());
        }

        String certificatePem() {
            try {
                return PemFile.text(PemFile.CERTIFICATE, certificate.getEncoded());
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public String toString() {
            return "Issued[" + certificate.getSubjectX500Principal() + "]";
        }
    }

    static KeyPair newKey() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JVM has no P-256", e);
        }
    }

    /** Self-signed, for TLS clients, no CA: the guest trusts it directly. */
    Issued client() {
        return issue(newKey(), CLIENT, Optional.empty(), false, KeyPurposeId.id_kp_clientAuth, Optional.empty());
    }

    /** Self-signed, signs the guests' certificates. */
    Issued serverAuthority() {
        return issue(newKey(), SERVER, Optional.empty(), true, KeyPurposeId.id_kp_serverAuth, Optional.empty());
    }

    /** For one pod VM, known by its instance name. */
    Issued server(KeyPair key, String instanceName, Issued authority) {
        return issue(
                key,
                new X500Name("O=agent-protocol-forwarder,CN=" + instanceName),
                Optional.of(instanceName),
                false,
                KeyPurposeId.id_kp_serverAuth,
                Optional.of(authority));
    }

    private Issued issue(
            KeyPair key,
            X500Name subject,
            Optional<String> dnsName,
            boolean authority,
            KeyPurposeId purpose,
            Optional<Issued> signer) {
        Instant from = clock.instant().minus(BACKDATED);
        Instant until = from.plus(VALIDITY);
        if (signer.isPresent()) {
            from = latest(from, signer.get().certificate().getNotBefore().toInstant());
            until = earliest(until, signer.get().certificate().getNotAfter().toInstant());
        }
        try {
            X500Name issuer = signer.isPresent() ? SERVER : subject;
            JcaX509v3CertificateBuilder certificate = new JcaX509v3CertificateBuilder(
                    issuer,
                    new BigInteger(SERIAL_BITS, random).setBit(0),
                    Date.from(from),
                    Date.from(until),
                    subject,
                    key.getPublic());
            certificate.addExtension(
                    Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.digitalSignature));
            certificate.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose));
            certificate.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
            if (dnsName.isPresent()) {
                certificate.addExtension(
                        Extension.subjectAlternativeName,
                        false,
                        new GeneralNames(new GeneralName(GeneralName.dNSName, dnsName.get())));
            }
            PrivateKey signingKey = signer.map(Issued::key).orElse(key.getPrivate());
            return new Issued(
                    key.getPrivate(),
                    new JcaX509CertificateConverter()
                            .getCertificate(certificate.build(
                                    new JcaContentSignerBuilder("SHA256withECDSA").build(signingKey))));
        } catch (GeneralSecurityException | OperatorCreationException | CertIOException e) {
            throw new IllegalStateException("a certificate could not be made", e);
        }
    }

    private static Instant latest(Instant a, Instant b) {
        return a.isAfter(b) ? a : b;
    }

    private static Instant earliest(Instant a, Instant b) {
        return a.isBefore(b) ? a : b;
    }
}
