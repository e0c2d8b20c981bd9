// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.peerpod.relay.RawPeer;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.ScriptedAgent;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus.State;
import io.peerpod.relay.TestCertificates;
import io.peerpod.relay.TestFrame;
import io.peerpod.relay.TlsFiles;
import io.peerpod.relay.guest.GuestLimits;
import io.peerpod.relay.guest.GuestRelay;
import io.peerpod.relay.guest.GuestRelayConfig;
import io.peerpod.relay.guest.RequestEditor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How a session comes about, and in which words it does not. */
@Timeout(120)
class DialIT {
    private static final Duration SHORT = Duration.ofMillis(700);

    @TempDir
    private Path other;

    private final RelayChain chain;

    DialIT() throws IOException {
        chain = new RelayChain(ScriptedAgent::echo);
    }

    @AfterEach
    void closeChain() throws IOException {
        chain.close();
    }

    private RelayException refused(SessionSpec spec, Duration budget) {
        RelayException refusal = catchThrowableOfType(RelayException.class, () -> chain.sessions.open(spec, budget));
        assertThat(chain.sessions.list()).isEmpty();
        assertThat(chain.socket()).doesNotExist();
        return refusal;
    }

    private SessionSpec spec(TlsFiles files, String name, int port) {
        return new SessionSpec(
                RelayChain.ID,
                chain.socket(),
                List.of(InetAddress.getLoopbackAddress()),
                port,
                Optional.of(files),
                name);
    }

    private TlsFiles files() {
        return chain.spec.tls().orElseThrow();
    }

    private static int freePort() throws IOException {
        try (ServerSocketChannel probe = ServerSocketChannel.open()) {
            probe.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            return ((InetSocketAddress) probe.getLocalAddress()).getPort();
        }
    }

    @Test
    void nobodyListening() throws Exception {
        int port = freePort();
        RelayException refusal = refused(spec(files(), RelayChain.NAME, port), SHORT);
        assertThat(refusal.failure()).isEqualTo(Failure.UNREACHABLE);
        assertThat(refusal)
                .hasMessageContainingAll(
                        "127.0.0.1", "port " + port, "attempts", "refused", "forwarder does not listen");
    }

    @Test
    void aForwarderThatComesLaterIsFound() throws Exception {
        int port = freePort();
        try (ServerSocketChannel late = ServerSocketChannel.open()) {
            Thread.ofVirtual().start(() -> {
                try {
                    Thread.sleep(300);
                    late.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
                    while (true) {
                        SocketChannel accepted = late.accept();
                        Thread.ofVirtual().start(() -> answerHealth(accepted));
                    }
                } catch (IOException | InterruptedException _) {
                    // closed
                }
            });
            SessionSpec plain = new SessionSpec(
                    RelayChain.ID,
                    chain.socket(),
                    List.of(InetAddress.getLoopbackAddress()),
                    port,
                    Optional.empty(),
                    "");
            chain.sessions.open(plain, RelayChain.BUDGET);
            assertThat(chain.sessions.list())
                    .singleElement()
                    .satisfies(s -> assertThat(s.state()).isEqualTo(State.READY));
        }
    }

    /** A forwarder without TLS whose agent is lost at the second call, in the words of the reference. */
    private static void answerHealth(SocketChannel channel) {
        try (channel) {
            while (true) {
                TestFrame frame = TestFrame.read(Channels.newInputStream(channel));
                TestFrame answer = frame.contains("grpc.Health")
                        ? TestFrame.response(frame.id(), new byte[] {8, 1})
                        : TestFrame.status(frame.id(), 2, "ttrpc: closed");
                channel.write(java.nio.ByteBuffer.wrap(answer.bytes()));
            }
        } catch (IOException _) {
            // The relay left.
        }
    }

    @Test
    void theReferenceForwardersWordForALostAgentIsALoss() throws Exception {
        try (ServerSocketChannel forwarder = ServerSocketChannel.open()) {
            forwarder.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        SocketChannel accepted = forwarder.accept();
                        Thread.ofVirtual().start(() -> answerHealth(accepted));
                    }
                } catch (IOException _) {
                    // closed
                }
            });
            int port = ((InetSocketAddress) forwarder.getLocalAddress()).getPort();
            SessionSpec plain = new SessionSpec(
                    RelayChain.ID,
                    chain.socket(),
                    List.of(InetAddress.getLoopbackAddress()),
                    port,
                    Optional.empty(),
                    "");
            chain.sessions.open(plain, RelayChain.BUDGET);
            try (RawPeer shim = RawPeer.connect(chain.socket())) {
                shim.send(TestFrame.request(1, "grpc.AgentService", "GetOOMEvent", new byte[0]));
                assertThat(shim.ended()).isTrue();
            }
            assertThat(chain.sessions.awaitEnd(RelayChain.ID).state()).isEqualTo(State.LOST);
        }
    }

    @Test
    void aCertificateForAnotherName() {
        RelayException refusal =
                refused(spec(files(), "another-vm", chain.guest.address().getPort()), SHORT);
        assertThat(refusal.failure()).isEqualTo(Failure.TLS);
        assertThat(refusal).hasMessageContaining("another name");
    }

    @Test
    void aServerFromAnotherAuthority() throws Exception {
        TlsFiles strangers = TestCertificates.files(other, chain.client, TestCertificates.authority());
        RelayException refusal =
                refused(spec(strangers, RelayChain.NAME, chain.guest.address().getPort()), SHORT);
        assertThat(refusal.failure()).isEqualTo(Failure.TLS);
        assertThat(refusal).hasMessageContaining("not trusted");
    }

    @Test
    void clientsThatTheForwarderDoesNotKnow() throws Exception {
        for (TestCertificates.Identity stranger :
                List.of(TestCertificates.client(), TestCertificates.expiredClient())) {
            TlsFiles files = TestCertificates.files(other, stranger, chain.authority);
            RelayException refusal =
                    refused(spec(files, RelayChain.NAME, chain.guest.address().getPort()), SHORT);
            assertThat(refusal.failure()).isIn(Failure.TLS, Failure.AGENT);
            assertThat(refusal.getMessage()).containsAnyOf("client CA does not know", "client certificate");
        }
    }

    @Test
    void aPortThatSpeaksNoTls() throws Exception {
        try (ServerSocketChannel listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        SocketChannel accepted = listener.accept();
                        accepted.write(java.nio.ByteBuffer.wrap(
                                "SSH-2.0-OpenSSH\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
                    }
                } catch (IOException _) {
                    // closed
                }
            });
            int port = ((InetSocketAddress) listener.getLocalAddress()).getPort();
            RelayException refusal = refused(spec(files(), RelayChain.NAME, port), SHORT);
            assertThat(refusal.failure()).isEqualTo(Failure.TLS);
            assertThat(refusal).hasMessageContaining("does not speak TLS");
        }
    }

    @Test
    void anAgentThatIsNotThere() throws Exception {
        GuestRelayConfig lonely = new GuestRelayConfig(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                other.resolve("no-agent"),
                Optional.of(
                        RelayChain.guestTls(TestCertificates.server(chain.authority, RelayChain.NAME), chain.client)),
                GuestLimits.DEFAULT);
        try (GuestRelay guest = GuestRelay.start(lonely, RequestEditor.NONE)) {
            RelayException refusal =
                    refused(spec(files(), RelayChain.NAME, guest.address().getPort()), Duration.ofSeconds(2));
            assertThat(refusal.failure()).isEqualTo(Failure.AGENT);
            assertThat(refusal).hasMessageContaining("agent");
        }
    }

    @Test
    void closeInterruptsTheDialling() throws Exception {
        SessionSpec never = new SessionSpec(
                RelayChain.ID,
                chain.socket(),
                List.of(InetAddress.getLoopbackAddress()),
                freePort(),
                Optional.empty(),
                "");
        Thread closer = Thread.ofVirtual().start(() -> {
            try {
                while (chain.sessions.list().isEmpty() || !Files.exists(chain.socket())) {
                    Thread.sleep(5);
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            chain.sessions.close(RelayChain.ID);
        });
        RelayException refusal = refused(never, Duration.ofMinutes(5));
        closer.join();
        assertThat(refusal.failure()).isEqualTo(Failure.CLOSED);
    }

    @Test
    void theSameSpecJoinsAndAnotherOneConflicts() throws Exception {
        chain.sessions.open(chain.spec, RelayChain.BUDGET);
        chain.sessions.open(chain.spec, RelayChain.BUDGET);
        SessionSpec different = spec(files(), RelayChain.NAME, 1);
        RelayException refusal =
                catchThrowableOfType(RelayException.class, () -> chain.sessions.open(different, RelayChain.BUDGET));
        assertThat(refusal.failure()).isEqualTo(Failure.CONFLICT);
        assertThat(chain.sessions.list()).hasSize(1);
    }

    @Test
    void specsThatCannotWork() throws Exception {
        SessionSpec longPath = new SessionSpec(
                RelayChain.ID,
                other.resolve("x".repeat(120)),
                List.of(InetAddress.getLoopbackAddress()),
                1,
                Optional.empty(),
                "");
        assertThat(refused(longPath, SHORT)).hasMessageContaining("107");
        TlsFiles missing = new TlsFiles(
                other.resolve("no.crt"), other.resolve("no.key"), other.resolve("no.ca"), Optional.empty(), List.of());
        RelayException refusal = refused(spec(missing, RelayChain.NAME, 1), SHORT);
        assertThat(refusal.failure()).isEqualTo(Failure.BAD_SPEC);
        assertThat(refusal).hasMessageContaining("no.crt");
        TlsFiles mixed = TestCertificates.files(other, TestCertificates.client(), chain.authority);
        Files.writeString(mixed.key(), TestCertificates.client().keyPem());
        assertThat(refused(spec(mixed, RelayChain.NAME, 1), SHORT))
                .hasMessageContaining("does not belong to")
                .hasMessageNotContaining("PRIVATE");
    }

    @Test
    void theSecondAddressIsTriedToo() throws Exception {
        SessionSpec two = new SessionSpec(
                RelayChain.ID,
                chain.socket(),
                List.of(
                        InetAddress.ofLiteral("127.0.0.77"),
                        chain.guest.address().getAddress()),
                chain.guest.address().getPort(),
                Optional.of(files()),
                RelayChain.NAME);
        chain.sessions.open(two, RelayChain.BUDGET);
        assertThat(chain.sessions.list()).hasSize(1);
    }
}
