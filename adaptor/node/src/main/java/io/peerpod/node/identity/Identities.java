// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import io.peerpod.contract.InstanceName;
import io.peerpod.relay.TlsFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Clock;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Hands out identities: the current one for new sandboxes, and the one that a sandbox's journal names. Thread-safe; the first use of an
 * automatic identity may take a quarter of a second, so {@link #warmUp} is called early.
 */
public final class Identities {
    /** Keys made ahead, so that none is made while a pod waits. */
    private static final int SPARE_KEYS = 8;

    private final TlsSettings settings;
    private final IdentityFolder folder;
    private final Clock clock;
    private final ArrayBlockingQueue<KeyPair> spareKeys = new ArrayBlockingQueue<>(SPARE_KEYS);
    private final ReentrantLock lock = new ReentrantLock();
    private IdentityFolder.@Nullable Automatic current;
    private @Nullable CertificateIssuer issuer;

    /**
     * @param folder {@code <state-dir>/tls}
     * @param settings without {@linkplain TlsSettings#problems problems}
     */
    public Identities(Path folder, TlsSettings settings, Clock clock) {
        this.settings = settings;
        this.folder = new IdentityFolder(folder, clock);
        this.clock = clock;
    }

    /** Makes or reads what will be needed. */
    public void warmUp() throws IOException {
        if (automatic()) {
            CertificateIssuer.Issued authority = currentAutomatic().authority();
            issuer().server(CertificateIssuer.newKey(), "podvm-warm-up", authority);
            topUp();
        }
    }

    /** The identity for a sandbox that is created now. */
    public Identity current() throws IOException {
        if (settings.disabled()) {
            return new Identity(Identity.NONE, Optional.empty());
        }
        return automatic() ? identity(currentAutomatic()) : new Identity(Identity.FILES, Optional.of(manualFiles()));
    }

    /**
     * The identity that a journal names.
     *
     * @throws IOException when it is no longer there
     */
    public Identity find(String name) throws IOException {
        if (name.equals(Identity.NONE)) {
            return new Identity(Identity.NONE, Optional.empty());
        }
        if (name.equals(Identity.FILES)) {
            if (settings.authority().isEmpty() || settings.certificate().isEmpty()) {
                throw new IOException(
                        "the sandbox was made with -ca-cert-file, -cert-file and -cert-key, which are no longer"
                                + " set; set them until its pod is gone");
            }
            return new Identity(Identity.FILES, Optional.of(manualFiles()));
        }
        return identity(named(name));
    }

    /** The name that the guest's certificate must carry. */
    public String serverName(String identity, String instanceName) {
        boolean ours = !identity.equals(Identity.FILES) && settings.authority().isEmpty();
        return ours ? instanceName : InstanceName.MANUAL_SERVER_NAME;
    }

    /** What a new guest is given. */
    public GuestCredentials credentials(String identity, String instanceName) throws IOException {
        // With a CA of the operator's the image brings certificate, key and CA (adaptor.md 4.2).
        if (identity.equals(Identity.NONE) || settings.authority().isPresent()) {
            return new GuestCredentials(Optional.empty(), Optional.empty(), Optional.empty());
        }
        IdentityFolder.Automatic automatic = named(identity);
        CertificateIssuer.Issued server = issuer().server(spareKey(), instanceName, automatic.authority());
        String client = settings.certificate().isPresent()
                ? Files.readString(settings.certificate().get(), StandardCharsets.US_ASCII)
                : automatic.client().certificatePem();
        return new GuestCredentials(
                Optional.of(server.keyPem()), Optional.of(server.certificatePem()), Optional.of(client));
    }

    /** Made at the first use: its libraries take a quarter of a second to load, which is not to delay the daemon's socket. */
    private CertificateIssuer issuer() {
        lock.lock();
        try {
            CertificateIssuer known = issuer;
            if (known == null) {
                known = new CertificateIssuer(clock);
                issuer = known;
            }
            return known;
        } finally {
            lock.unlock();
        }
    }

    /** Whether anything of the identity is ours to make. */
    private boolean automatic() {
        return !settings.disabled()
                && (settings.authority().isEmpty() || settings.certificate().isEmpty());
    }

    private Identity identity(IdentityFolder.Automatic automatic) {
        return new Identity(
                automatic.name(),
                Optional.of(new TlsFiles(
                        settings.certificate().orElse(automatic.clientFile()),
                        settings.key().orElse(automatic.clientKeyFile()),
                        settings.authority().orElse(automatic.authorityFile()),
                        settings.profile().minVersion(),
                        settings.profile().cipherSuites())));
    }

    private TlsFiles manualFiles() {
        return new TlsFiles(
                settings.certificate().orElseThrow(),
                settings.key().orElseThrow(),
                settings.authority().orElseThrow(),
                settings.profile().minVersion(),
                settings.profile().cipherSuites());
    }

    private IdentityFolder.Automatic named(String name) throws IOException {
        lock.lock();
        try {
            if (current != null && current.name().equals(name)) {
                return current;
            }
        } finally {
            lock.unlock();
        }
        return folder.find(name)
                .orElseThrow(() ->
                        new IOException("the TLS identity " + name + " that its guest trusts is not there any more"));
    }

    private IdentityFolder.Automatic currentAutomatic() throws IOException {
        lock.lock();
        try {
            IdentityFolder.Automatic known = current;
            if (known == null || !folder.fresh(known)) {
                known = folder.current();
                current = known;
            }
            return known;
        } finally {
            lock.unlock();
        }
    }

    private KeyPair spareKey() {
        KeyPair spare = spareKeys.poll();
        Thread.ofVirtual().name("spare-keys").start(this::topUp);
        return spare == null ? CertificateIssuer.newKey() : spare;
    }

    private void topUp() {
        while (spareKeys.remainingCapacity() > 0 && spareKeys.offer(CertificateIssuer.newKey())) {
            // One more.
        }
    }
}
