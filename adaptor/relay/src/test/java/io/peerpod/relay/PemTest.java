// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.RSAPrivateKey;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.util.io.pem.PemObject;
import org.junit.jupiter.api.Test;

class PemTest {
    @Test
    void keysInAllThreeEncodingsAreRead() throws Exception {
        for (String algorithm : List.of("EC", "RSA")) {
            KeyPair keys = KeyPairGenerator.getInstance(algorithm).generateKeyPair();
            // Bouncy Castle writes SEC 1 for EC and PKCS#1 for RSA.
            String traditional = TestCertificates.pem(keys.getPrivate());
            assertThat(traditional).contains("BEGIN " + algorithm + " PRIVATE KEY");
            assertThat(secret(Pem.privateKey(traditional, "key"))).isEqualTo(secret(keys.getPrivate()));
        }
        TestCertificates.Identity identity = TestCertificates.client();
        BigInteger secret = secret(identity.keys().getPrivate());
        byte[] sec1 =
                new org.bouncycastle.asn1.sec.ECPrivateKey(256, secret, SECObjectIdentifiers.secp256r1).getEncoded();
        assertThat(secret(Pem.privateKey(TestCertificates.pem(new PemObject("EC PRIVATE KEY", sec1)), "key")))
                .isEqualTo(secret);
        assertThat(identity.keyPem()).contains("BEGIN PRIVATE KEY");
        assertThat(secret(Pem.privateKey("# a comment\n" + identity.certificatePem() + identity.keyPem(), "key")))
                .isEqualTo(secret);
    }

    /** Two encodings of one key are not equal when only one of them carries the public half. */
    private static BigInteger secret(PrivateKey key) {
        return key instanceof ECPrivateKey ec ? ec.getS() : ((RSAPrivateKey) key).getPrivateExponent();
    }

    @Test
    void certificatesKeepTheirOrder() {
        TestCertificates.Identity first = TestCertificates.client();
        TestCertificates.Identity second = TestCertificates.authority();
        assertThat(Pem.certificates(first.certificatePem() + "\n" + second.certificatePem(), "file"))
                .extracting(certificate -> certificate.getSubjectX500Principal().getName())
                .containsExactly("O=cloud-api-adaptor", "O=agent-protocol-forwarder");
    }

    @Test
    void whatCannotBeReadIsNamedAndNeverShown() {
        String encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assertThatThrownBy(() -> Pem.privateKey(encrypted, "key file /x"))
                .hasMessageContaining("key file /x is encrypted")
                .hasMessageNotContaining("c2VjcmV0");
        String garbage = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
        assertThatThrownBy(() -> Pem.privateKey(garbage, "key file /x"))
                .hasMessageContaining("key file /x")
                .hasMessageNotContaining("c2VjcmV0");
        assertThatThrownBy(() -> Pem.privateKey("", "key file /x")).hasMessageContaining("holds no private key");
        assertThatThrownBy(() -> Pem.certificates(garbage, "CA file /y")).hasMessageContaining("CERTIFICATE");
    }

    @Test
    void profilesTakeTheNamesOfTheReference() throws Exception {
        SSLContext context = SSLContext.getDefault();
        List<String> none = List.of();
        assertThat(TlsProfile.of(Optional.empty(), none, context).protocols()).containsExactly("TLSv1.3", "TLSv1.2");
        assertThat(TlsProfile.of(Optional.of("VersionTLS13"), none, context).protocols())
                .containsExactly("TLSv1.3");
        assertThat(TlsProfile.of(Optional.empty(), none, context).cipherSuites())
                .startsWith("TLS_AES_128_GCM_SHA256");
        String suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
        assertThat(TlsProfile.of(Optional.of("VersionTLS12"), List.of(suite), context)
                        .cipherSuites())
                .contains(suite)
                .doesNotContain("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
        assertThatThrownBy(() -> TlsProfile.of(Optional.of("VersionTLS11"), none, context))
                .hasMessageContaining("VersionTLS12");
        assertThatThrownBy(() -> TlsProfile.of(Optional.of("VersionTLS13"), List.of(suite), context))
                .hasMessageContaining("leave them out");
        assertThatThrownBy(() -> TlsProfile.of(Optional.empty(), List.of(suite, "TLS_MADE_UP"), context))
                .hasMessageContaining("TLS_MADE_UP")
                .hasMessageNotContaining(suite + ",");
    }
}
