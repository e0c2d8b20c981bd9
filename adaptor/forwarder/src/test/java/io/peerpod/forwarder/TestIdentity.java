// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A self-signed certificate with its key, as each side of the tunnel has one in these tests. */
record TestIdentity(KeyPair keys, Certificate certificate) {

    static final String SERVER_NAME = "podvm-web-12345678";
    private static final char[] NO_PASSWORD = {};

    static TestIdentity server() {
        return create("CN=" + SERVER_NAME + ",O=agent-protocol-forwarder", KeyPurposeId.id_kp_serverAuth);
    }

    static TestIdentity client() {
        return create("O=cloud-api-adaptor", KeyPurposeId.id_kp_clientAuth);
    }

    private static TestIdentity create(String subject, KeyPurposeId purpose) {
        try {
            var generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            KeyPair keys = generator.generateKeyPair();
            Instant now = Instant.now();
            var name = new X500Name(subject);
            var builder = new JcaX509v3CertificateBuilder(
                    name,
                    BigInteger.valueOf(now.toEpochMilli()),
                    Date.from(now.minus(Duration.ofMinutes(5))),
                    Date.from(now.plus(Duration.ofDays(1))),
                    name,
                    keys.getPublic());
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
            builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose));
            builder.addExtension(
                    Extension.subjectAlternativeName,
                    false,
                    new GeneralNames(new GeneralName(GeneralName.dNSName, SERVER_NAME)));
            return new TestIdentity(
                    keys,
                    new JcaX509CertificateConverter()
                            .getCertificate(builder.build(
                                    new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate()))));
        } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
            throw new IllegalStateException(e);
        }
    }

    String certificatePem() throws IOException {
        return pem(certificate);
    }

    String keyPem() throws IOException {
        return pem(new JcaPKCS8Generator(keys.getPrivate(), null));
    }

    private static String pem(Object object) throws IOException {
        var text = new StringWriter();
        try (var writer = new JcaPEMWriter(text)) {
            writer.writeObject(object);
        }
        return text.toString();
    }

    /** A context that shows this identity and trusts the other one. */
    SSLContext trusting(TestIdentity other) throws GeneralSecurityException, IOException {
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, NO_PASSWORD);
        own.setKeyEntry("own", keys.getPrivate(), NO_PASSWORD, new Certificate[] {certificate});
        var keyManagers = KeyManagerFactory.getInstance("PKIX");
        keyManagers.init(own, NO_PASSWORD);
        return context(keyManagers, other);
    }

    /** A context that shows nothing and trusts the other one. */
    static SSLContext nobodyTrusting(TestIdentity other) throws GeneralSecurityException, IOException {
        KeyStore empty = KeyStore.getInstance("PKCS12");
        empty.load(null, NO_PASSWORD);
        var keyManagers = KeyManagerFactory.getInstance("PKIX");
        keyManagers.init(empty, NO_PASSWORD);
        return context(keyManagers, other);
    }

    private static SSLContext context(KeyManagerFactory keyManagers, TestIdentity other)
            throws GeneralSecurityException, IOException {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, NO_PASSWORD);
        trusted.setCertificateEntry("other", other.certificate);
        var trustManagers = TrustManagerFactory.getInstance("PKIX");
        trustManagers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keyManagers.getKeyManagers(), trustManagers.getTrustManagers(), null);
        return context;
    }
}
