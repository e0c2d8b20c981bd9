// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * The JDK's verification plus what it leaves out for a certificate that is itself a trust anchor, which is how automatic mode pins the node's client certificate: its
 * validity and its purpose.
 */
final class StrictTrust extends X509ExtendedTrustManager {
    private static final String SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    private static final String CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
    private static final String ANY_PURPOSE = "2.5.29.37.0";

    private final X509ExtendedTrustManager jdk;

    StrictTrust(X509ExtendedTrustManager jdk) {
        this.jdk = jdk;
    }

    private static void checkLeaf(X509Certificate[] chain, String purpose, String purposeName)
            throws CertificateException {
        X509Certificate leaf = chain[0];
        leaf.checkValidity();
        List<String> purposes = leaf.getExtendedKeyUsage();
        if (purposes != null && !purposes.contains(purpose) && !purposes.contains(ANY_PURPOSE)) {
            throw new CertificateException("certificate of " + leaf.getSubjectX500Principal() + " may not be used for "
                    + purposeName + " (extended key usage " + purposes + ")");
        }
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, @Nullable SSLEngine engine)
            throws CertificateException {
        jdk.checkClientTrusted(chain, authType, engine);
        checkLeaf(chain, CLIENT_AUTH, "client authentication");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, @Nullable SSLEngine engine)
            throws CertificateException {
        jdk.checkServerTrusted(chain, authType, engine);
        checkLeaf(chain, SERVER_AUTH, "server authentication");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, @Nullable Socket socket)
            throws CertificateException {
        jdk.checkClientTrusted(chain, authType, socket);
        checkLeaf(chain, CLIENT_AUTH, "client authentication");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, @Nullable Socket socket)
            throws CertificateException {
        jdk.checkServerTrusted(chain, authType, socket);
        checkLeaf(chain, SERVER_AUTH, "server authentication");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        jdk.checkClientTrusted(chain, authType);
        checkLeaf(chain, CLIENT_AUTH, "client authentication");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        jdk.checkServerTrusted(chain, authType);
        checkLeaf(chain, SERVER_AUTH, "server authentication");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return jdk.getAcceptedIssuers();
    }
}
