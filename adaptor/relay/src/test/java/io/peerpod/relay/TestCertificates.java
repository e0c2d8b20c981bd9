// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** The certificates of automatic mode: a self-signed client certificate that is its own anchor, and a CA that issues one server certificate a VM. */
public final class TestCertificates {
    private static final Duration EARLIER = Duration.ofMinutes(5);

    /** A certificate and its key. */
    public record Identity(X509CertificateHolder certificate, KeyPair keys) {
        /** PEM of the certificate. */
        public String certificatePem() {
            return pem(certificate);
        }

        /** PEM of the key, PKCS#8. */
        public String keyPem() {
            return keyText(keys.getPrivate());
        }
    }

    private TestCertificates() {}

    /** A fresh client identity as the node makes it. */
    public static Identity client() {
        return issue(
                "O=cloud-api-adaptor",
                null,
                false,
                KeyPurposeId.id_kp_clientAuth,
                Optional.empty(),
                Duration.ofDays(730));
    }

    /** A client identity whose time is over. */
    public static Identity expiredClient() {
        return issue(
                "O=cloud-api-adaptor",
                null,
                false,
                KeyPurposeId.id_kp_clientAuth,
                Optional.empty(),
                Duration.ofMinutes(1));
    }

    /** A self-signed certificate that is not for clients. */
    public static Identity clientForAnotherPurpose() {
        return issue(
                "O=cloud-api-adaptor",
                null,
                false,
                KeyPurposeId.id_kp_serverAuth,
                Optional.empty(),
                Duration.ofDays(730));
    }

    /** A CA for servers. */
    public static Identity authority() {
        return issue(
                "O=agent-protocol-forwarder",
                null,
                true,
                KeyPurposeId.id_kp_serverAuth,
                Optional.empty(),
                Duration.ofDays(730));
    }

    /** A server certificate for this name. */
    public static Identity server(Identity authority, String name) {
        return issue(
                "O=agent-protocol-forwarder,CN=" + name,
                authority,
                false,
                KeyPurposeId.id_kp_serverAuth,
                Optional.of(name),
                Duration.ofDays(730));
    }

    /** Writes the node half's files into a folder. */
    public static TlsFiles files(Path folder, Identity client, Identity authority) throws IOException {
        Path certificate = Files.writeString(folder.resolve("client.crt"), client.certificatePem());
        Path key = Files.writeString(folder.resolve("client.key"), client.keyPem());
        Path ca = Files.writeString(folder.resolve("ca.crt"), authority.certificatePem());
        return new TlsFiles(certificate, key, ca, Optional.empty(), List.of());
    }

    private static Identity issue(
            String subject,
            @org.jspecify.annotations.Nullable Identity issuer,
            boolean authority,
            KeyPurposeId purpose,
            Optional<String> name,
            Duration life) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            KeyPair keys = generator.generateKeyPair();
            Instant start = Instant.now().minus(EARLIER);
            X500Name subjectName = new X500Name(subject);
            JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                    issuer == null ? subjectName : issuer.certificate().getSubject(),
                    BigInteger.valueOf(System.nanoTime()),
                    Date.from(start),
                    Date.from(start.plus(life)),
                    subjectName,
                    keys.getPublic());
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
            builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose));
            if (name.isPresent()) {
                builder.addExtension(
                        Extension.subjectAlternativeName,
                        false,
                        new GeneralNames(new GeneralName(GeneralName.dNSName, name.get())));
            }
            PrivateKey signingKey =
                    issuer == null ? keys.getPrivate() : issuer.keys().getPrivate();
            return new Identity(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(signingKey)), keys);
        } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String keyText(PrivateKey key) {
        try {
            return pem(new JcaPKCS8Generator(key, null));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** PEM of whatever Bouncy Castle can write. */
    public static String pem(Object thing) {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
            writer.writeObject(thing);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return text.toString();
    }
}
