// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.peerpod.relay.RawPeer;
import io.peerpod.relay.ScriptedAgent;
import io.peerpod.relay.TestCertificates;
import io.peerpod.relay.TestFrame;
import io.peerpod.relay.TlsFiles;
import io.peerpod.relay.TlsIdentity;
import io.peerpod.relay.Upstream;
import io.peerpod.relay.session.SessionLimits;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The port that everybody on the network can reach. */
@Timeout(180)
class GuestRelayIT {
    private static final String AGENT = "grpc.AgentService";
    private static final String NAME = "podvm-test";

    @TempDir
    private Path folder;

    private final TestCertificates.Identity client = TestCertificates.client();
    private final TestCertificates.Identity authority = TestCertificates.authority();

    private GuestRelay start(Optional<GuestTls> tls, GuestLimits limits) throws IOException {
        return GuestRelay.start(
                new GuestRelayConfig(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        folder.resolve("agent"),
                        tls,
                        limits),
                RequestEditor.NONE);
    }

    private GuestTls tls(Optional<String> clientAuthority, boolean anyClient) {
        TestCertificates.Identity server = TestCertificates.server(authority, NAME);
        return new GuestTls(
                server.certificatePem(), server.keyPem(), clientAuthority, anyClient, Optional.empty(), List.of());
    }

    private GuestRelay startPlain() throws IOException {
        return start(Optional.empty(), GuestLimits.DEFAULT);
    }

    private Upstream connect(GuestRelay relay, TestCertificates.Identity as) throws IOException {
        TlsFiles files = TestCertificates.files(folder, as, authority);
        SocketChannel channel = SocketChannel.open(relay.address());
        try {
            return Upstream.handshake(channel, TlsIdentity.of(files).clientEngine(NAME, 1));
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    private static void ask(Upstream upstream, int id) throws IOException {
        upstream.write(ByteBuffer.wrap(
                TestFrame.request(id, AGENT, "WriteStdin", new byte[] {5}).bytes()));
        ByteBuffer answer = ByteBuffer.allocate(1 << 16);
        while (answer.position() < 10 || answer.position() < 10 + answer.getInt(0)) {
            upstream.read(answer);
        }
        assertThat(answer.getInt(4)).isEqualTo(id);
    }

    @Test
    void withoutAClientAuthorityItDoesNotStart() {
        assertThatThrownBy(() -> start(Optional.of(tls(Optional.empty(), false)), GuestLimits.DEFAULT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no client CA");
    }

    @Test
    void sixteenThousandHalfOpenConnectionsKeepNobodyOut() throws Exception {
        List<SocketChannel> strangers = new ArrayList<>();
        try (ScriptedAgent _ = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo);
                GuestRelay relay =
                        start(Optional.of(tls(Optional.of(client.certificatePem()), false)), GuestLimits.DEFAULT);
                Upstream early = connect(relay, client)) {
            ask(early, 1);
            for (int i = 0; i < 16_000; i++) {
                SocketChannel stranger = SocketChannel.open(relay.address());
                if (i % 3 == 0) {
                    stranger.write(ByteBuffer.wrap(new byte[] {22, 3, 1}));
                }
                strangers.add(stranger);
                if (i % 1000 == 0) {
                    ask(early, 3 + 2 * i);
                    try (Upstream late = connect(relay, client)) {
                        ask(late, 1);
                    }
                }
            }
            ask(early, 1_000_001);
            try (Upstream late = connect(relay, client)) {
                ask(late, 1);
            }
        } finally {
            for (SocketChannel stranger : strangers) {
                stranger.close();
            }
        }
    }

    @Test
    void onlyTheNodesOwnCertificateGetsIn() throws Exception {
        try (ScriptedAgent agent = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo);
                GuestRelay relay =
                        start(Optional.of(tls(Optional.of(client.certificatePem()), false)), GuestLimits.DEFAULT)) {
            assertThatThrownBy(() -> ask(connect(relay, TestCertificates.client()), 1))
                    .isInstanceOf(IOException.class);
            try (Upstream good = connect(relay, client)) {
                ask(good, 1);
            }
            assertThat(agent.frames()).hasSize(1);
        }
    }

    @Test
    void aCertificateThatIsOverOrForAnotherPurposeStaysOutAlthoughItIsTheAnchor() throws Exception {
        for (TestCertificates.Identity anchor :
                List.of(TestCertificates.expiredClient(), TestCertificates.clientForAnotherPurpose())) {
            try (ScriptedAgent agent = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo);
                    GuestRelay relay =
                            start(Optional.of(tls(Optional.of(anchor.certificatePem()), false)), GuestLimits.DEFAULT)) {
                assertThatThrownBy(() -> ask(connect(relay, anchor), 1)).isInstanceOf(IOException.class);
                assertThat(agent.frames()).isEmpty();
            }
        }
    }

    @Test
    void aSlowHandshakeIsCutOff() throws Exception {
        GuestLimits hasty = new GuestLimits(
                4,
                4,
                4,
                Duration.ofMillis(200),
                4,
                1 << 20,
                1,
                1 << 20,
                Duration.ofSeconds(1),
                SessionLimits.FORWARDER);
        try (GuestRelay relay = start(Optional.of(tls(Optional.of(client.certificatePem()), false)), hasty);
                RawPeer silent = RawPeer.connect(relay.address());
                RawPeer slow = RawPeer.connect(relay.address())) {
            slow.send(new byte[] {22, 3, 1, 2, 0, 1});
            assertThat(silent.ended()).isTrue();
            assertThat(slow.ended()).isTrue();
        }
    }

    @Test
    void garbageInsteadOfTlsIsCutOff() throws Exception {
        try (GuestRelay relay =
                        start(Optional.of(tls(Optional.of(client.certificatePem()), false)), GuestLimits.DEFAULT);
                RawPeer peer = RawPeer.connect(relay.address())) {
            byte[] garbage = new byte[4096];
            new Random(7).nextBytes(garbage);
            peer.send(garbage);
            assertThat(peer.ended()).isTrue();
        }
    }

    @Test
    void clientsShareTheAgentConnectionUnderRisingIds() throws Exception {
        try (ScriptedAgent agent = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo);
                GuestRelay relay = startPlain();
                RawPeer one = RawPeer.connect(relay.address());
                RawPeer two = RawPeer.connect(relay.address())) {
            for (int id = 1; id < 100; id += 2) {
                one.send(TestFrame.request(id, AGENT, "One", new byte[id]));
                two.send(TestFrame.request(id, AGENT, "Two", new byte[id]));
                TestFrame first = one.next();
                TestFrame second = two.next();
                assertThat(first.id()).isEqualTo(id);
                assertThat(first.contains("One")).isTrue();
                assertThat(second.id()).isEqualTo(id);
                assertThat(second.contains("Two")).isTrue();
            }
            int last = -1;
            for (TestFrame frame : agent.frames()) {
                assertThat(frame.id()).isEqualTo(last + 2);
                last = frame.id();
            }
            assertThat(agent.connections()).hasSize(1);
        }
    }

    @Test
    void aClientInTheMiddleOfAFrameHoldsUpNobody() throws Exception {
        try (ScriptedAgent _ = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo);
                GuestRelay relay = startPlain();
                RawPeer stuck = RawPeer.connect(relay.address());
                RawPeer other = RawPeer.connect(relay.address())) {
            byte[] frame =
                    TestFrame.request(1, AGENT, "CopyFile", new byte[1 << 20]).bytes();
            stuck.send(java.util.Arrays.copyOf(frame, frame.length / 2));
            for (int id = 1; id < 20; id += 2) {
                other.send(TestFrame.request(id, AGENT, "Two", new byte[id]));
                assertThat(other.next().id()).isEqualTo(id);
            }
            stuck.send(java.util.Arrays.copyOfRange(frame, frame.length / 2, frame.length));
            assertThat(stuck.next().payload().size()).isGreaterThan(1 << 20);
        }
    }

    @Test
    void hostileFramesAreAnsweredOnTheirStreamsOrDropped() throws Exception {
        try (ScriptedAgent agent = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo);
                GuestRelay relay = startPlain();
                RawPeer peer = RawPeer.connect(relay.address())) {
            peer.send(new TestFrame(2, 1, 0, ByteString.EMPTY));
            assertThat(peer.next().statusCode()).isEqualTo(3);
            peer.send(new TestFrame(0, 1, 0, ByteString.EMPTY));
            assertThat(peer.next().statusCode()).isEqualTo(3);
            peer.send(new TestFrame(5, 3, 0, ByteString.copyFromUtf8("data on no stream")));
            peer.send(new TestFrame(7, 2, 0, ByteString.copyFromUtf8("a response from a client")));
            peer.send(new TestFrame(9, 77, 0, ByteString.copyFromUtf8("an unknown type")));
            peer.send(new TestFrame(11, 1, 0, ByteString.copyFrom(new byte[(4 << 20) + 7])));
            TestFrame refusal = peer.next();
            assertThat(refusal.id()).isEqualTo(11);
            assertThat(refusal.statusCode()).isEqualTo(8);
            peer.send(new TestFrame(13, 1, 0, ByteString.copyFromUtf8("\u0001not a request")));
            assertThat(peer.next().id()).as("the agent judges it").isEqualTo(13);
            assertThat(agent.frames()).hasSize(1);
        }
    }

    @Test
    void unfinishedLargeFramesAreBounded() throws Exception {
        List<RawPeer> peers = new ArrayList<>();
        try (ScriptedAgent _ = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo);
                GuestRelay relay = startPlain()) {
            byte[] half = java.util.Arrays.copyOf(
                    TestFrame.request(1, AGENT, "CopyFile", new byte[(4 << 20) - 1000])
                            .bytes(),
                    100_000);
            for (int i = 0; i < 20; i++) {
                RawPeer peer = RawPeer.connect(relay.address());
                peers.add(peer);
                peer.send(half);
            }
            TestFrame refusal = peers.getLast().next();
            assertThat(refusal.statusCode()).isEqualTo(8);
            RawPeer small = RawPeer.connect(relay.address());
            peers.add(small);
            small.send(TestFrame.request(1, AGENT, "WriteStdin", new byte[10]));
            assertThat(small.next().id()).isEqualTo(1);
        } finally {
            for (RawPeer peer : peers) {
                peer.close();
            }
        }
    }

    @Test
    void requestsWaitForTheAgentWithinTheirOwnDeadlines() throws Exception {
        try (GuestRelay relay = startPlain();
                RawPeer peer = RawPeer.connect(relay.address())) {
            peer.send(TestFrame.request(1, AGENT, "Impatient", new byte[1], 50_000_000));
            peer.send(TestFrame.request(3, AGENT, "Patient", new byte[1]));
            TestFrame late = peer.next();
            assertThat(late.id()).isEqualTo(1);
            assertThat(late.statusCode()).isEqualTo(4);
            try (ScriptedAgent agent = new ScriptedAgent(folder.resolve("agent"), ScriptedAgent::echo)) {
                assertThat(peer.next().id()).isEqualTo(3);
                assertThat(agent.frames()).hasSize(1);
                assertThat(relay.agentConnected()).isTrue();
            }
        }
    }

    @Test
    void aLostAgentClosesEveryClientAndIsFoundAgain() throws Exception {
        try (GuestRelay relay = startPlain()) {
            for (int round = 0; round < 3; round++) {
                try (ScriptedAgent agent = new ScriptedAgent(folder.resolve("agent"), (connection, frame) -> {
                    if (frame.contains("DestroySandbox")) {
                        connection.close();
                    }
                })) {
                    while (agent.connections().isEmpty()) {
                        Thread.sleep(5); // The loss of the agent before is history then.
                    }
                    RawPeer one = RawPeer.connect(relay.address());
                    RawPeer two = RawPeer.connect(relay.address());
                    two.send(TestFrame.request(1, AGENT, "WaitProcess", new byte[0]));
                    while (agent.frames().isEmpty()) {
                        Thread.sleep(5);
                    }
                    one.send(TestFrame.request(1, AGENT, "DestroySandbox", new byte[0]));
                    assertThat(one.next()).isEqualTo(TestFrame.response(1, new byte[0]));
                    assertThat(one.ended()).isTrue();
                    assertThat(two.ended()).isTrue();
                }
            }
        }
    }

    @Test
    void aClientThatLeavesDropsItsLateAnswers() throws Exception {
        try (ScriptedAgent agent = new ScriptedAgent(folder.resolve("agent"), (_, _) -> {});
                GuestRelay relay = startPlain();
                RawPeer other = RawPeer.connect(relay.address())) {
            try (RawPeer leaving = RawPeer.connect(relay.address())) {
                leaving.send(TestFrame.request(1, AGENT, "WaitProcess", new byte[0]));
                while (agent.frames().isEmpty()) {
                    Thread.sleep(5);
                }
            }
            Thread.sleep(50);
            agent.connections()
                    .getFirst()
                    .send(TestFrame.response(agent.frames().getFirst().id(), new byte[100]));
            agent.script(ScriptedAgent::echo);
            other.send(TestFrame.request(1, AGENT, "WriteStdin", new byte[3]));
            assertThat(other.next().id()).isEqualTo(1);
            assertThat(other.waiting()).isZero();
        }
    }
}
