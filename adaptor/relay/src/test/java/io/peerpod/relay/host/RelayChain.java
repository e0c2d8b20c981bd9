// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.CuttingProxy;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.ScriptedAgent;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.TestCertificates;
import io.peerpod.relay.TlsFiles;
import io.peerpod.relay.guest.GuestLimits;
import io.peerpod.relay.guest.GuestRelay;
import io.peerpod.relay.guest.GuestRelayConfig;
import io.peerpod.relay.guest.GuestTls;
import io.peerpod.relay.guest.RequestEditor;
import io.peerpod.relay.session.SessionLimits;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Shim socket, node half, TLS, guest half and a scripted agent in one JVM. */
final class RelayChain implements AutoCloseable {
    static final String ID = "sandbox";
    static final String NAME = "podvm-test";
    static final Duration BUDGET = Duration.ofSeconds(20);

    final Path folder;
    final TestCertificates.Identity client = TestCertificates.client();
    final TestCertificates.Identity authority = TestCertificates.authority();
    final ScriptedAgent agent;
    final GuestRelay guest;
    final Sessions sessions;
    final CuttingProxy proxy;
    final SessionSpec spec;
    final Predecessor predecessor;

    RelayChain(ScriptedAgent.Script script) throws IOException {
        this(script, GuestLimits.DEFAULT, RequestEditor.NONE);
    }

    RelayChain(ScriptedAgent.Script script, GuestLimits limits, RequestEditor editor) throws IOException {
        this(script, limits, editor, SessionLimits.RELAY);
    }

    RelayChain(ScriptedAgent.Script script, GuestLimits limits, RequestEditor editor, SessionLimits sessionLimits)
            throws IOException {
        folder = Files.createTempDirectory(Path.of("/tmp"), "relay-");
        agent = new ScriptedAgent(folder.resolve("agent"), script);
        guest = GuestRelay.start(
                new GuestRelayConfig(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        folder.resolve("agent"),
                        Optional.of(guestTls(TestCertificates.server(authority, NAME), client)),
                        limits),
                editor);
        sessions = Sessions.start(new CreateContainerEdit(folder.resolve("direct-volumes")), sessionLimits);
        predecessor = new Predecessor(sessions, ServerSocketChannel.open(), folder, () -> {});
        proxy = new CuttingProxy(guest.address());
        spec = spec(Optional.of(TestCertificates.files(folder, client, authority)), NAME);
    }

    /** The chain with its session open. */
    static RelayChain open(ScriptedAgent.Script script) throws IOException, RelayException, InterruptedException {
        RelayChain chain = new RelayChain(script);
        chain.sessions.open(chain.spec, BUDGET);
        return chain;
    }

    static GuestTls guestTls(TestCertificates.Identity server, TestCertificates.Identity client) {
        return new GuestTls(
                server.certificatePem(),
                server.keyPem(),
                Optional.of(client.certificatePem()),
                false,
                Optional.empty(),
                List.of());
    }

    SessionSpec spec(Optional<TlsFiles> tls, String name) {
        return new SessionSpec(
                ID,
                socket(),
                List.of(guest.address().getAddress()),
                guest.address().getPort(),
                tls,
                name);
    }

    /** The same, over a path that breaks when it is told to. */
    SessionSpec breakableSpec() throws IOException {
        return new SessionSpec(
                ID,
                socket(),
                List.of(proxy.address().getAddress()),
                proxy.address().getPort(),
                spec.tls(),
                NAME);
    }

    Path socket() {
        return folder.resolve("pods/agent.ttrpc");
    }

    @Override
    public void close() throws IOException {
        sessions.close();
        proxy.close();
        guest.close();
        agent.close();
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        }
    }
}
