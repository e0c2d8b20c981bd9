// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.relay.ScriptedAgent;
import io.peerpod.relay.TestCertificates;
import io.peerpod.relay.TlsIdentity;
import io.peerpod.relay.Upstream;
import io.peerpod.relay.guest.GuestLimits;
import io.peerpod.relay.guest.GuestRelay;
import io.peerpod.relay.guest.GuestRelayConfig;
import io.peerpod.relay.guest.GuestTls;
import io.peerpod.relay.guest.RequestEditor;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who comes to the forwarder and speaks the protocol in his own way. */
@Timeout(60)
class SessionDoorIT {
    private static final String NAME = "podvm-test";
    private final TestCertificates.Identity authority = TestCertificates.authority();
    private final TestCertificates.Identity one = TestCertificates.client();
    private final TestCertificates.Identity other = TestCertificates.client();
    private Path folder;
    private ScriptedAgent agent;
    private GuestRelay guest;

    @BeforeEach
    void start() throws IOException {
        folder = Files.createTempDirectory(Path.of("/tmp"), "door-");
        agent = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo);
        TestCertificates.Identity server = TestCertificates.server(authority, NAME);
        guest = GuestRelay.start(
                new GuestRelayConfig(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        folder.resolve("agent"),
                        Optional.of(new GuestTls(
                                server.certificatePem(),
                                server.keyPem(),
                                Optional.of(one.certificatePem() + other.certificatePem()),
                                false,
                                Optional.empty(),
                                List.of())),
                        GuestLimits.DEFAULT),
                RequestEditor.NONE);
    }

    @AfterEach
    void stop() throws IOException {
        guest.close();
        agent.close();
        Files.deleteIfExists(folder);
    }

    private Upstream connect(TestCertificates.Identity client, String... protocols) throws IOException {
        TlsIdentity identity = TlsIdentity.of(
                client.certificatePem(),
                "client",
                client.keyPem(),
                "key",
                Optional.of(authority.certificatePem()),
                "authority",
                Optional.empty(),
                List.of());
        return Upstream.handshake(
                SocketChannel.open(guest.address()), identity.clientEngine(NAME, 1, List.of(protocols)));
    }

    @Test
    void aSessionIsResumedByItsOwnCertificateAndRefusedToAnother() throws Exception {
        SessionId id;
        try (Upstream first = connect(one, Message.PROTOCOL)) {
            id = Greeting.open(first).id();
        }
        try (Upstream thief = connect(other, Message.PROTOCOL)) {
            assertThatThrownBy(() -> Greeting.resume(thief, id, 0))
                    .isInstanceOfSatisfying(
                            SessionRefusedException.class,
                            refused -> assertThat(refused.reason()).isEqualTo(Reason.NOT_YOURS));
        }
        try (Upstream second = connect(one, Message.PROTOCOL)) {
            assertThat(Greeting.resume(second, id, 0).peerReceived()).isZero();
        }
        try (Upstream stranger = connect(one, Message.PROTOCOL)) {
            assertThatThrownBy(() -> Greeting.resume(stranger, SessionId.random(), 0))
                    .isInstanceOfSatisfying(
                            SessionRefusedException.class,
                            refused -> assertThat(refused.reason()).isEqualTo(Reason.UNKNOWN_SESSION));
        }
        try (Upstream liar = connect(one, Message.PROTOCOL)) {
            assertThatThrownBy(() -> Greeting.resume(liar, id, 77))
                    .isInstanceOfSatisfying(
                            SessionRefusedException.class,
                            refused -> assertThat(refused.reason()).isEqualTo(Reason.OFFSET));
        }
    }

    @Test
    void whoOffersNothingOrSomethingElseIsServedPlainly() throws Exception {
        try (Upstream plain = connect(one);
                Upstream odd = connect(one, "h2")) {
            assertThat(plain.protocol()).isEmpty();
            assertThat(odd.protocol()).isEmpty();
        }
    }

    @Test
    void hostileBytesAreAnsweredByACloseAndHarmNobody() throws Exception {
        Random random = new Random(7);
        for (int round = 0; round < 60; round++) {
            try (Upstream hostile = connect(one, Message.PROTOCOL)) {
                if (round % 3 > 0) {
                    Greeting.open(hostile);
                }
                ByteBuffer bytes = switch (round % 6) {
                    case 1 -> Message.header(ByteBuffer.allocate(20), Message.DATA, 10, 5, 0); // a gap
                    case 2 -> Message.bare(Message.ACKNOWLEDGE, 0, 99); // never sent
                    case 4 -> Message.header(ByteBuffer.allocate(20), Message.DATA, 0xffffff, 0, 0);
                    case 5 -> Message.hello(SessionId.random(), true, 0); // twice
                    default -> {
                        byte[] noise = new byte[200];
                        random.nextBytes(noise);
                        noise[0] = (byte) (noise[0] | 0x40); // no type that exists
                        yield ByteBuffer.wrap(noise);
                    }
                };
                hostile.write(bytes);
                assertThat(closed(hostile)).as("round %d", round).isEqualTo(Message.CLOSE);
            }
        }
        try (Upstream honest = connect(one, Message.PROTOCOL)) {
            assertThat(Greeting.open(honest).peerReceived()).isZero();
        }
    }

    /** The type of the first message after which the connection ends. */
    private static byte closed(Upstream upstream) throws IOException {
        ByteBuffer data = ByteBuffer.allocate(1 << 16);
        try {
            while (true) {
                upstream.read(data);
            }
        } catch (EOFException e) {
            return data.get(0);
        }
    }
}
