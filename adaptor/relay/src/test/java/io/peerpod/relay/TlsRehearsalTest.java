// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.junit.jupiter.api.Test;

class TlsRehearsalTest {
    private final TestCertificates.Identity authority = TestCertificates.authority();
    private final TestCertificates.Identity server = TestCertificates.server(authority, "podvm-server");

    private static OneIdentity identity(TestCertificates.Identity certificate, TestCertificates.Identity key) {
        return new OneIdentity(
                Pem.certificates(certificate.certificatePem(), "certificate"), Pem.privateKey(key.keyPem(), "key"));
    }

    /** Trusts the authority; a server's certificate is none of a client's, so half of what it is asked it refuses. */
    private X509ExtendedTrustManager trust() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setCertificateEntry(
                "authority",
                Pem.certificates(authority.certificatePem(), "authority").getFirst());
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        return new StrictTrust((X509ExtendedTrustManager) factory.getTrustManagers()[0]);
    }

    private static TlsProfile profile() throws GeneralSecurityException {
        return TlsProfile.of(Optional.empty(), List.of(), SSLContext.getDefault());
    }

    @Test
    void aServersIdentityPlaysBothSidesThoughNoPeerMayShowIt() throws Exception {
        assertThat(TlsRehearsal.run(identity(server, server), trust(), profile()))
                .isEqualTo("TLSv1.3");
    }

    @Test
    void aClientsIdentityPlaysBothSidesThoughNobodyTrustsIt() throws Exception {
        TestCertificates.Identity client = TestCertificates.client();
        assertThat(TlsRehearsal.run(identity(client, client), trust(), profile()))
                .isEqualTo("TLSv1.3");
    }

    @Test
    void aKeyOfAnotherCertificateIsNoticed() {
        TestCertificates.Identity other = TestCertificates.client();
        assertThatThrownBy(() -> TlsRehearsal.run(identity(server, other), trust(), profile()))
                .isInstanceOf(SSLException.class);
    }
}
