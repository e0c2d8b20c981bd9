// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One side's certificate, key, and whom it trusts, ready to make engines. */
public final class TlsIdentity {
    private static final Logger log = LoggerFactory.getLogger(TlsIdentity.class);

    /** Keeps a file that is no PEM at all from filling the memory. */
    private static final long MAX_PEM_BYTES = 1 << 20;

    private static final int MAX_CACHED_SESSIONS = 64;

    private static final AtomicBoolean REHEARSED = new AtomicBoolean();

    static {
        // A client of the forwarder must not make it repeat the handshake at will (TLS 1.2).
        System.setProperty("jdk.tls.rejectClientInitiatedRenegotiation", "true");
    }

    private final SSLContext context;
    private final OneIdentity own;
    private final X509ExtendedTrustManager trust;
    private final TlsProfile profile;
    private final boolean authorityKnown;

    private TlsIdentity(
            SSLContext context,
            OneIdentity own,
            X509ExtendedTrustManager trust,
            TlsProfile profile,
            boolean authorityKnown) {
        this.context = context;
        this.own = own;
        this.trust = trust;
        this.profile = profile;
        this.authorityKnown = authorityKnown;
    }

    /**
     * Reads the node half's files.
     *
     * @throws IllegalArgumentException naming the file and what is wrong with it
     */
    public static TlsIdentity of(TlsFiles files) {
        return of(
                read(files.certificate(), "certificate file"),
                "certificate file " + files.certificate(),
                read(files.key(), "key file"),
                "key file " + files.key(),
                Optional.of(read(files.authority(), "CA file")),
                "CA file " + files.authority(),
                files.minVersion(),
                files.cipherSuites());
    }

    /**
     * Builds an identity from PEM texts.
     *
     * @throws IllegalArgumentException naming the text and what is wrong with it
     */
    public static TlsIdentity of(
            String certificate,
            String certificateName,
            String key,
            String keyName,
            Optional<String> authority,
            String authorityName,
            Optional<String> minVersion,
            List<String> cipherSuites) {
        List<X509Certificate> chain = Pem.certificates(certificate, certificateName);
        PrivateKey privateKey = Pem.privateKey(key, keyName);
        checkPair(chain.getFirst(), privateKey, certificateName, keyName);
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            OneIdentity own = new OneIdentity(chain, privateKey);
            X509ExtendedTrustManager trust =
                    trust(authority.isPresent() ? Pem.certificates(authority.get(), authorityName) : List.of());
            context.init(new KeyManager[] {own}, new TrustManager[] {trust}, new SecureRandom());
            context.getServerSessionContext().setSessionCacheSize(MAX_CACHED_SESSIONS);
            context.getClientSessionContext().setSessionCacheSize(MAX_CACHED_SESSIONS);
            return new TlsIdentity(
                    context, own, trust, TlsProfile.of(minVersion, cipherSuites, context), authority.isPresent());
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalArgumentException("this Java cannot use " + certificateName + ": " + e.getMessage(), e);
        }
    }

    /**
     * Plays a handshake of this identity with itself, once in a process: the first real peer then does not wait until this machine has loaded what a handshake needs. What goes wrong is only
     * logged, since the first real handshake says it better.
     */
    public void rehearse() {
        if (REHEARSED.getAndSet(true)) {
            return;
        }
        try {
            TlsRehearsal.run(own, trust, profile);
        } catch (GeneralSecurityException | IOException | RuntimeException e) {
            log.atWarn()
                    .addKeyValue("failure", e.toString())
                    .log("this certificate and key did not manage a TLS handshake with themselves");
        }
    }

    private static String read(Path file, String what) {
        try {
            if (Files.size(file) > MAX_PEM_BYTES) {
                throw new IllegalArgumentException(what + " " + file + " is larger than " + MAX_PEM_BYTES + " bytes");
            }
            return Files.readString(file);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "cannot read " + what + " " + file + ": " + e.getClass().getSimpleName(), e);
        }
    }

    private static X509ExtendedTrustManager trust(List<X509Certificate> anchors)
            throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        for (int i = 0; i < anchors.size(); i++) {
            store.setCertificateEntry("anchor-" + i, anchors.get(i));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        return new StrictTrust((X509ExtendedTrustManager) factory.getTrustManagers()[0]);
    }

    /** Signs and verifies a few bytes: a key of another certificate is a common mistake, and TLS would only say "handshake failure". */
    private static void checkPair(X509Certificate certificate, PrivateKey key, String certificateName, String keyName) {
        String algorithm = switch (key.getAlgorithm()) {
            case "EC" -> "SHA256withECDSA";
            case "RSA" -> "SHA256withRSA";
            default -> key.getAlgorithm();
        };
        boolean fits;
        try {
            Signature signer = Signature.getInstance(algorithm);
            signer.initSign(key);
            signer.update(new byte[32]);
            byte[] signature = signer.sign();
            signer.initVerify(certificate.getPublicKey());
            signer.update(new byte[32]);
            fits = signer.verify(signature);
        } catch (GeneralSecurityException e) {
            fits = false;
        }
        if (!fits) {
            throw new IllegalArgumentException(keyName + " does not belong to " + certificateName);
        }
    }

    /**
     * An engine for a connection to a server that must carry this name.
     *
     * @throws IllegalArgumentException when the name cannot be a host name
     */
    public SSLEngine clientEngine(String serverName, int port) {
        return clientEngine(serverName, port, List.of());
    }

    /** The same, offering these application protocols; the server may choose none of them. */
    public SSLEngine clientEngine(String serverName, int port, List<String> protocols) {
        SSLEngine engine = context.createSSLEngine(serverName, port);
        engine.setUseClientMode(true);
        SSLParameters parameters = parameters(engine);
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        parameters.setServerNames(List.of(new SNIHostName(serverName)));
        parameters.setApplicationProtocols(protocols.toArray(String[]::new));
        engine.setSSLParameters(parameters);
        return engine;
    }

    /** An engine for an accepted connection. A client must show a certificate whenever an authority is known to check it against. */
    public SSLEngine serverEngine() {
        return serverEngine(List.of());
    }

    /** The same, choosing one of these application protocols when the client offers it; a client that offers others only is served without. */
    public SSLEngine serverEngine(List<String> protocols) {
        SSLEngine engine = context.createSSLEngine();
        engine.setUseClientMode(false);
        SSLParameters parameters = parameters(engine);
        parameters.setUseCipherSuitesOrder(true);
        if (authorityKnown) {
            parameters.setNeedClientAuth(true);
        }
        engine.setSSLParameters(parameters);
        if (!protocols.isEmpty()) {
            engine.setHandshakeApplicationProtocolSelector((_, offered) ->
                    protocols.stream().filter(offered::contains).findFirst().orElse(""));
        }
        return engine;
    }

    /** SHA-256 of the certificate that the peer has shown, empty when it has shown none. */
    public static String peerFingerprint(SSLEngine engine) {
        try {
            byte[] certificate = engine.getSession().getPeerCertificates()[0].getEncoded();
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate));
        } catch (SSLPeerUnverifiedException _) {
            return "";
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("a certificate that was verified cannot be read", e);
        }
    }

    private SSLParameters parameters(SSLEngine engine) {
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setProtocols(profile.protocols().toArray(String[]::new));
        parameters.setCipherSuites(profile.cipherSuites().toArray(String[]::new));
        return parameters;
    }
}
