// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.net.Socket;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * A mutual handshake of a process with itself, in memory. The first one in a process loads some six hundred classes and runs in the interpreter, which takes hundreds of milliseconds: time that
 * is there while a pod VM boots or its network is set up, and is missing once the other side waits.
 */
final class TlsRehearsal {
    /** More than any handshake has steps; it ends the rehearsal when the two wait for each other. */
    private static final int MAX_STEPS = 100;

    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final SSLEngine client;
    private final SSLEngine server;
    private final ByteBuffer toServer = ByteBuffer.allocate(2 * LoopBuffers.RECORD_BYTES);
    private final ByteBuffer toClient = ByteBuffer.allocate(2 * LoopBuffers.RECORD_BYTES);
    private final ByteBuffer plain = ByteBuffer.allocate(LoopBuffers.RECORD_BYTES);

    private TlsRehearsal(SSLContext context, TlsProfile profile) {
        client = engine(context, profile, true);
        server = engine(context, profile, false);
    }

    /**
     * Rehearses with this certificate and key on both sides.
     *
     * @param trust what decides about real peers; it is asked, and its refusal is of no consequence here
     * @return the version of TLS that both sides agreed on
     * @throws GeneralSecurityException when this Java cannot use the material
     * @throws SSLException when the handshake fails
     */
    static String run(OneIdentity identity, X509ExtendedTrustManager trust, TlsProfile profile)
            throws GeneralSecurityException, SSLException {
        // This context lives as long as this method, and no connection ever sees it.
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(new KeyManager[] {identity}, new TrustManager[] {new Unheard(trust)}, new SecureRandom());
        return new TlsRehearsal(context, profile).play();
    }

    private static SSLEngine engine(SSLContext context, TlsProfile profile, boolean client) {
        SSLEngine engine = client ? context.createSSLEngine("rehearsal", 1) : context.createSSLEngine();
        engine.setUseClientMode(client);
        engine.setEnabledProtocols(profile.protocols().toArray(String[]::new));
        engine.setEnabledCipherSuites(profile.cipherSuites().toArray(String[]::new));
        if (!client) {
            engine.setNeedClientAuth(true);
        }
        return engine;
    }

    private String play() throws SSLException {
        client.beginHandshake();
        server.beginHandshake();
        for (int step = 0; step < MAX_STEPS && !(done(client) && done(server)); step++) {
            advance(client, toServer, toClient);
            advance(server, toClient, toServer);
        }
        if (!done(client) || !done(server)) {
            throw new SSLException("neither side had a next step");
        }
        // A message each way; the server's tickets are on the client's way too.
        send(client, toServer);
        receive(server, toServer);
        send(server, toClient);
        receive(client, toClient);
        return server.getSession().getProtocol();
    }

    private static boolean done(SSLEngine engine) {
        return engine.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING;
    }

    private void advance(SSLEngine engine, ByteBuffer out, ByteBuffer in) throws SSLException {
        switch (engine.getHandshakeStatus()) {
            case NEED_TASK -> {
                for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                    task.run();
                }
            }
            case NEED_WRAP -> engine.wrap(NOTHING.duplicate(), out);
            case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> receive(engine, in);
            case FINISHED, NOT_HANDSHAKING -> {
                // The other side still has something to do.
            }
        }
    }

    private static void send(SSLEngine engine, ByteBuffer out) throws SSLException {
        engine.wrap(ByteBuffer.wrap(new byte[64]), out);
    }

    private void receive(SSLEngine engine, ByteBuffer in) throws SSLException {
        in.flip();
        engine.unwrap(in, plain.clear());
        in.compact();
    }

    /** Asks the real verification, so that its code is loaded too, and goes on whatever it says. */
    private static final class Unheard extends X509ExtendedTrustManager {
        private final X509ExtendedTrustManager real;

        Unheard(X509ExtendedTrustManager real) {
            this.real = real;
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, @Nullable SSLEngine engine) {
            try {
                real.checkClientTrusted(chain, authType);
            } catch (CertificateException _) {
                // As expected: one's own certificate need not be one that peers may show.
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, @Nullable SSLEngine engine) {
            try {
                real.checkServerTrusted(chain, authType);
            } catch (CertificateException _) {
                // As expected: one's own certificate need not be one that peers may show.
            }
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, @Nullable Socket socket)
                throws CertificateException {
            throw new CertificateException("a rehearsal has no socket");
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, @Nullable Socket socket)
                throws CertificateException {
            throw new CertificateException("a rehearsal has no socket");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw new CertificateException("a rehearsal has no peer");
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw new CertificateException("a rehearsal has no peer");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return real.getAcceptedIssuers();
        }
    }
}
