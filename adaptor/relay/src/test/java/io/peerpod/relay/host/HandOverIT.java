// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.relay.RawPeer;
import io.peerpod.relay.ScriptedAgent;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus.State;
import io.peerpod.relay.TestFrame;
import io.peerpod.relay.guest.GuestLimits;
import io.peerpod.relay.guest.RequestEditor;
import io.peerpod.relay.handover.HeldBegin;
import io.peerpod.relay.handover.Part;
import io.peerpod.relay.handover.Passage;
import io.peerpod.relay.session.SessionLimits;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What a hand-over carries from one relay to the next, at whatever byte it takes place. */
class HandOverIT {
    private static final ContainerEdit NONE = payload -> payload;
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @Test
    void aRequestIsCutAtEveryByteThatMatters() throws Exception {
        List<TestFrame> kinds = List.of(
                TestFrame.request(1, "grpc.AgentService", "WriteStdin", new byte[700]),
                TestFrame.request(3, "grpc.AgentService", "CreateContainer", new byte[300]),
                TestFrame.request(5, "grpc.AgentService", "DestroySandbox", new byte[3]));
        try (HandOverPair relays = new HandOverPair(NONE);
                EchoAgent agent = new EchoAgent()) {
            SessionSpec spec = relays.spec("s", agent.port());
            relays.sessions.open(spec, HandOverPair.BUDGET);
            try (RawPeer shim = RawPeer.connect(spec.socket())) {
                for (TestFrame kind : kinds) {
                    byte[] bytes = kind.bytes();
                    for (int cut : new int[] {1, 4, 9, 10, 11, 20, 31, 45, 60, bytes.length - 1, bytes.length}) {
                        if (cut > bytes.length) {
                            continue;
                        }
                        long before = agent.requests.get();
                        shim.send(Arrays.copyOf(bytes, cut));
                        relays.handOver(NONE);
                        shim.send(Arrays.copyOfRange(bytes, cut, bytes.length));
                        TestFrame answer = shim.next();
                        assertThat(answer.id()).isEqualTo(kind.id());
                        assertThat(answer.payload()).as("cut at %d", cut).isEqualTo(kind.payload());
                        assertThat(agent.requests.get() - before).isOne();
                    }
                }
            }
            assertThat(agent.connections()).as("no new connection to the guest").hasSize(2);
        }
    }

    @Test
    void anAnswerIsCutAndOutputThatNobodyReadsComesAlong() throws Exception {
        try (HandOverPair relays = new HandOverPair(NONE);
                ServerSocketChannel agent = ServerSocketChannel.open()) {
            agent.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            SocketChannel guest = openWith(relays, agent);
            SocketChannel shim = SocketChannel.open(UnixDomainSocketAddress.of(relays.folder.resolve("s")));
            write(shim, TestFrame.request(1, "s", "m", new byte[5]).bytes());
            TestFrame.read(Channels.newInputStream(guest));
            byte[] answer = TestFrame.response(1, new byte[3_000_000]).bytes();
            Arrays.fill(answer, 10, answer.length, (byte) 7);
            // More than sockets and the relay's own limit take: the rest stays with the guest until the shim reads.
            Thread writer = Thread.ofVirtual().start(() -> write(guest, answer));
            byte[] request = TestFrame.request(3, "s", "m", new byte[2_000_000]).bytes();
            Thread second = Thread.ofVirtual().start(() -> write(shim, request));
            Thread.sleep(300);
            relays.handOver(NONE);
            relays.handOver(NONE);
            DataInputStream in = new DataInputStream(Channels.newInputStream(shim));
            byte[] seen = new byte[answer.length];
            in.readFully(seen);
            assertThat(seen).isEqualTo(answer);
            assertThat(TestFrame.read(Channels.newInputStream(guest)).payload().size())
                    .isEqualTo(request.length - 10);
            writer.join();
            second.join();
            guest.close();
            shim.close();
        }
    }

    @Test
    void anEditThatIsUnderWayIsBegunAnewAndItsRequestArrivesOnce() throws Exception {
        CountDownLatch hold = new CountDownLatch(1);
        AtomicInteger edits = new AtomicInteger();
        ContainerEdit slow = payload -> {
            edits.incrementAndGet();
            try {
                hold.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return payload;
        };
        try (HandOverPair relays = new HandOverPair(slow);
                EchoAgent agent = new EchoAgent()) {
            SessionSpec spec = relays.spec("s", agent.port());
            relays.sessions.open(spec, HandOverPair.BUDGET);
            try (RawPeer shim = RawPeer.connect(spec.socket())) {
                TestFrame create = TestFrame.request(1, "grpc.AgentService", "CreateContainer", new byte[9]);
                shim.send(create);
                shim.send(TestFrame.request(3, "grpc.AgentService", "Stats", new byte[1]));
                assertThat(shim.next().id()).isEqualTo(3);
                assertThat(edits).hasValue(1);
                relays.handOver(NONE);
                assertThat(shim.next().payload()).isEqualTo(create.payload());
                hold.countDown();
                assertThat(agent.requests).hasValue(2);
            }
        }
    }

    @Test
    void anOpenDestroySandboxStillSucceedsWhenTheAgentLeaves() throws Exception {
        try (HandOverPair relays = new HandOverPair(NONE);
                ServerSocketChannel agent = ServerSocketChannel.open()) {
            agent.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            SocketChannel guest = openWith(relays, agent);
            try (RawPeer shim = RawPeer.connect(relays.folder.resolve("s"))) {
                shim.send(TestFrame.request(9, "grpc.AgentService", "DestroySandbox", new byte[0]));
                TestFrame.read(Channels.newInputStream(guest));
                relays.handOver(NONE);
                guest.close();
                assertThat(shim.next().id()).isEqualTo(9);
                assertThat(shim.ended()).isTrue();
            }
            assertThat(relays.sessions.awaitEnd("s").destroyed()).isTrue();
            relays.handOver(NONE);
            assertThat(relays.sessions.list().getFirst().destroyed())
                    .as("a lost session stays listed")
                    .isTrue();
        }
    }

    @Test
    void aSessionThatIsConnectingGoesOnConnecting() throws Exception {
        try (HandOverPair relays = new HandOverPair(NONE)) {
            ServerSocketChannel placeholder = ServerSocketChannel.open();
            placeholder.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            int port = placeholder.socket().getLocalPort();
            placeholder.close();
            SessionSpec spec = relays.spec("s", port);
            Sessions first = relays.sessions;
            CompletableFuture<Void> opening = CompletableFuture.runAsync(() -> {
                try {
                    first.open(spec, Duration.ofSeconds(30));
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            while (first.list().isEmpty()) {
                Thread.sleep(1);
            }
            relays.handOver(NONE);
            assertThat(relays.sessions.list().getFirst().state()).isEqualTo(State.CONNECTING);
            try (ServerSocketChannel agent = ServerSocketChannel.open()) {
                agent.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
                Thread.ofVirtual().start(() -> answerHealth(agent));
                relays.sessions.open(spec, Duration.ofSeconds(30));
                assertThat(relays.sessions.list().getFirst().state()).isEqualTo(State.READY);
            }
            opening.cancel(true);
        }
    }

    @Test
    void aShimThatSaidNothingAndOneThatIsStillToComeAreServed() throws Exception {
        try (HandOverPair relays = new HandOverPair(NONE);
                EchoAgent agent = new EchoAgent()) {
            SessionSpec spec = relays.spec("s", agent.port());
            relays.sessions.open(spec, HandOverPair.BUDGET);
            try (RawPeer silent = RawPeer.connect(spec.socket())) {
                relays.handOver(NONE);
                try (RawPeer late = RawPeer.connect(spec.socket())) {
                    assertThat(late.send(TestFrame.request(1, "s", "m", new byte[4]))
                                    .next()
                                    .id())
                            .isOne();
                    relays.handOver(NONE);
                    assertThat(silent.send(TestFrame.request(7, "s", "m", new byte[4]))
                                    .next()
                                    .id())
                            .isEqualTo(7);
                }
            }
            relays.sessions.close("s");
            assertThat(spec.socket()).doesNotExist();
        }
    }

    @Test
    void aSuccessorThatSaysNoOrNothingOrLeavesChangesNothing() throws Exception {
        try (HandOverPair relays = new HandOverPair(NONE);
                EchoAgent agent = new EchoAgent()) {
            SessionSpec spec = relays.spec("s", agent.port());
            relays.sessions.open(spec, HandOverPair.BUDGET);
            AtomicInteger given = new AtomicInteger();
            Predecessor predecessor = relays.predecessor(given::incrementAndGet);
            try (RawPeer shim = RawPeer.connect(spec.socket())) {
                for (Part.Kind upTo : new Part.Kind[] {Part.Kind.BEGIN, Part.Kind.SESSION, Part.Kind.END}) {
                    for (boolean words : new boolean[] {true, false}) {
                        takeUpTo(relays, predecessor, upTo, words);
                        assertThat(shim.send(TestFrame.request(1, "s", "m", new byte[4]))
                                        .next()
                                        .id())
                                .isOne();
                    }
                }
                predecessor.connectAndGive(relays.request()); // Nobody listens.
                assertThat(shim.send(TestFrame.request(1, "s", "m", new byte[4]))
                                .next()
                                .id())
                        .isOne();
            }
            assertThat(given).hasValue(0);
            assertThat(agent.connections()).hasSize(2);
        }
    }

    private static void takeUpTo(HandOverPair relays, Predecessor predecessor, Part.Kind last, boolean words)
            throws IOException, InterruptedException {
        try (ServerSocketChannel door = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            java.nio.file.Files.deleteIfExists(relays.folder.resolve("door"));
            door.bind(UnixDomainSocketAddress.of(relays.folder.resolve("door")));
            Thread giving = Thread.ofPlatform().start(() -> predecessor.connectAndGive(relays.request()));
            try (Passage passage = Passage.over(door.accept(), Passage.NEWEST_FORMAT)) {
                Part part = passage.receive(LIMIT);
                while (part.kind() != last) {
                    Passage.close(part.descriptors());
                    part = passage.receive(LIMIT);
                }
                Passage.close(part.descriptors());
                if (words) {
                    passage.send(Part.abort("no, thank you"), LIMIT);
                }
            }
            giving.join(TimeUnit.SECONDS.toMillis(20));
            assertThat(giving.isAlive()).isFalse();
        }
    }

    @Test
    void whatIsNoHandOverIsRefusedInWords() throws Exception {
        try (HandOverPair relays = new HandOverPair(NONE)) {
            assertThatThrownBy(() -> receive(
                            relays,
                            "garbage that is longer than a header".getBytes(java.nio.charset.StandardCharsets.UTF_8)))
                    .hasMessageContaining("no part of a hand-over");
            byte[] damaged = {'P', 'P', 'H', '1', 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
            assertThatThrownBy(() -> receive(relays, damaged)).hasMessageContaining("damaged");
            byte[] future = damaged.clone();
            future[5] = 9;
            assertThatThrownBy(() -> receive(relays, future)).hasMessageContaining("format 9");
            assertThatThrownBy(() -> receive(relays, new byte[] {'P', 'P'})).hasMessageContaining("gone");
        }
    }

    @Test
    void aPredecessorThatDiesBeforeItHasGivenAllLeavesNothingAndOneThatDiesLaterLeavesEverything() throws Exception {
        try (HandOverPair relays = new HandOverPair(NONE);
                Sessions fresh = Sessions.start(NONE)) {
            HeldBegin begin = HeldBegin.newBuilder().setSessions(0).build();
            Successor successor = Successor.listen(relays.folder.resolve("door"));
            Passage dying = give(relays, begin);
            dying.close();
            assertThatThrownBy(() -> successor.take(fresh)).isInstanceOf(IOException.class);
            Passage later = give(relays, begin);
            later.send(Part.of(Part.Kind.END), LIMIT);
            CompletableFuture<Successor.Taken> taken = CompletableFuture.supplyAsync(() -> {
                try {
                    return successor.take(fresh);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThat(later.receive(LIMIT).kind()).isEqualTo(Part.Kind.READY);
            later.close();
            taken.get(20, TimeUnit.SECONDS).control().close();
            successor.close();
        }
    }

    private static Passage give(HandOverPair relays, HeldBegin begin) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(relays.folder.resolve("door")));
        Passage passage = Passage.over(channel, Passage.NEWEST_FORMAT);
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            java.nio.file.Path path = relays.folder.resolve("c" + System.nanoTime());
            listener.bind(UnixDomainSocketAddress.of(path));
            passage.send(
                    new Part(Part.Kind.BEGIN, begin.toByteString(), List.of(AdoptedChannels.descriptor(listener))),
                    LIMIT);
        }
        return passage;
    }

    private static Part receive(HandOverPair relays, byte[] bytes) throws IOException {
        try (ServerSocketChannel door = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            java.nio.file.Path path = relays.folder.resolve("d" + System.nanoTime());
            door.bind(UnixDomainSocketAddress.of(path));
            try (SocketChannel sender = SocketChannel.open(UnixDomainSocketAddress.of(path));
                    Passage passage = Passage.over(door.accept(), Passage.NEWEST_FORMAT)) {
                write(sender, bytes);
                sender.shutdownOutput();
                return passage.receive(LIMIT);
            }
        }
    }

    /** Opens session "s" to a guest that the test plays by hand; returns the connection that waits for the shim. */
    private static SocketChannel openWith(HandOverPair relays, ServerSocketChannel agent) throws Exception {
        SessionSpec spec = relays.spec("s", agent.socket().getLocalPort());
        CompletableFuture<SocketChannel> quiet = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> {
            for (int i = 0; i < 2; i++) {
                try {
                    SocketChannel accepted = agent.accept();
                    Thread.ofVirtual().start(() -> healthOr(accepted, quiet));
                } catch (IOException e) {
                    quiet.completeExceptionally(e);
                }
            }
        });
        relays.sessions.open(spec, HandOverPair.BUDGET);
        return quiet.get(20, TimeUnit.SECONDS);
    }

    /** Answers a health check, or gives the connection away when none comes. */
    private static void healthOr(SocketChannel accepted, CompletableFuture<SocketChannel> quiet) {
        try {
            Thread.sleep(200);
            ByteBuffer peek = ByteBuffer.allocate(1);
            accepted.configureBlocking(false);
            int count = accepted.read(peek);
            accepted.configureBlocking(true);
            if (count == 0) {
                quiet.complete(accepted);
            } else {
                write(accepted, TestFrame.response(1, new byte[0]).bytes());
            }
        } catch (IOException | InterruptedException e) {
            quiet.completeExceptionally(e);
        }
    }

    private static void answerHealth(ServerSocketChannel agent) {
        try {
            while (true) {
                SocketChannel accepted = agent.accept();
                Thread.ofVirtual().start(() -> {
                    try {
                        TestFrame frame = TestFrame.read(Channels.newInputStream(accepted));
                        write(
                                accepted,
                                TestFrame.response(frame.id(), new byte[0]).bytes());
                    } catch (IOException _) {
                        // The probe left, or nobody probes here.
                    }
                });
            }
        } catch (IOException _) {
            // closed
        }
    }

    private static void write(SocketChannel channel, byte[] bytes) {
        ByteBuffer data = ByteBuffer.wrap(bytes);
        try {
            while (data.hasRemaining()) {
                channel.write(data);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void aGuestWithoutResumableSessionsKeepsItsRelayAndSaysSo() throws Exception {
        try (RelayChain chain = new RelayChain(
                ScriptedAgent::echo,
                GuestLimits.DEFAULT,
                RequestEditor.NONE,
                SessionLimits.RELAY.withPatience(Duration.ZERO))) {
            chain.sessions.open(chain.spec, RelayChain.BUDGET);
            assertThat(chain.predecessor.ask(request(chain))).isEmpty();
            try (RawPeer shim = RawPeer.connect(chain.socket())) {
                shim.send(TestFrame.request(1, "s", "m", new byte[4])).next();
                assertThat(chain.sessions.info().obstacle())
                        .hasValueSatisfying(words -> assertThat(words).contains(RelayChain.ID, "TLS"));
            }
        }
    }

    @Test
    void aSessionOverTlsIsResumedByTheSuccessorWithItsOpenCalls() throws Exception {
        try (RelayChain guest = new RelayChain((connection, frame) -> {
                    if (!frame.contains("WaitProcess")) {
                        ScriptedAgent.echo(connection, frame);
                    }
                });
                HandOverPair pair = new HandOverPair(NONE)) {
            SessionSpec spec = new SessionSpec(
                    "tls",
                    pair.folder.resolve("tls"),
                    guest.spec.addresses(),
                    guest.spec.port(),
                    guest.spec.tls(),
                    RelayChain.NAME);
            pair.sessions.open(spec, RelayChain.BUDGET);
            try (RawPeer shim = RawPeer.connect(spec.socket())) {
                TestFrame wait = TestFrame.request(1, "s", "WaitProcess", new byte[4]);
                shim.send(wait);
                for (int round = 0; round < 5; round++) {
                    TestFrame bulk = TestFrame.request(3 + 2 * round, "s", "m", new byte[700_000]);
                    shim.send(bulk);
                    pair.handOver(NONE);
                    assertThat(shim.next().payload()).isEqualTo(bulk.payload());
                }
                assertThat(guest.agent.frames()).as("each request once").hasSize(6);
                ScriptedAgent.echo(
                        guest.agent.connections().getFirst(),
                        guest.agent.frames().getFirst());
                assertThat(shim.next()).isEqualTo(new TestFrame(1, 2, 0, wait.payload()));
            }
        }
    }

    private static io.peerpod.relay.control.HandOverRequest request(RelayChain chain) {
        return io.peerpod.relay.control.HandOverRequest.newBuilder()
                .setSocket(chain.folder.resolve("door").toString())
                .setOldestFormat(1)
                .setNewestFormat(1)
                .build();
    }
}
