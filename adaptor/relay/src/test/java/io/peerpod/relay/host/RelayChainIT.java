// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.Spec;
import io.peerpod.relay.RawPeer;
import io.peerpod.relay.ScriptedAgent;
import io.peerpod.relay.SessionStatus;
import io.peerpod.relay.SessionStatus.State;
import io.peerpod.relay.TestFrame;
import io.peerpod.relay.guest.GuestLimits;
import io.peerpod.relay.guest.RequestEditor;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a shim sees of the whole way to the agent and back. */
@Timeout(120)
class RelayChainIT {
    private static final String AGENT = "grpc.AgentService";

    private static TestFrame request(int id, int bytes) {
        byte[] payload = new byte[bytes];
        new Random(id).nextBytes(payload);
        return TestFrame.request(id, AGENT, "WriteStdin", payload);
    }

    @Test
    void framesOfEverySizePassBothWaysByteForByte() throws Exception {
        try (RelayChain chain = RelayChain.open(ScriptedAgent::echo);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            int id = 1;
            for (int bytes : new int[] {0, 1, 64, 4096, 65_525, 65_526, 300_000, 1 << 20, (4 << 20) - 200}) {
                TestFrame sent = request(id, bytes);
                shim.send(sent);
                TestFrame answer = shim.next();
                assertThat(answer.id()).isEqualTo(id);
                assertThat(answer.type()).isEqualTo(2);
                assertThat(answer.payload()).isEqualTo(sent.payload());
                id += 2;
            }
        }
    }

    @Test
    void framesInPiecesOfAnySizeArriveWhole() throws Exception {
        try (RelayChain chain = RelayChain.open(ScriptedAgent::echo);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            for (int id = 1; id < 40; id += 2) {
                byte[] bytes = request(id, 100 * id).bytes();
                int step = id % 7 == 0 ? 1 : 13 * id;
                for (int from = 0; from < bytes.length; from += step) {
                    byte[] piece = new byte[Math.min(step, bytes.length - from)];
                    System.arraycopy(bytes, from, piece, 0, piece.length);
                    shim.send(piece);
                    if (from < 12 * step) {
                        Thread.sleep(1);
                    }
                }
                assertThat(shim.next().payload())
                        .isEqualTo(request(id, 100 * id).payload());
            }
        }
    }

    @Test
    void manyCallsAtOnceInAnyOrderComeBackOnTheirOwnStreams() throws Exception {
        try (RelayChain chain = RelayChain.open((connection, frame) -> Thread.ofVirtual()
                        .start(() -> {
                            try {
                                Thread.sleep(Math.floorMod(frame.id(), 5));
                                ScriptedAgent.echo(connection, frame);
                            } catch (Exception e) {
                                throw new IllegalStateException(e);
                            }
                        }));
                RawPeer shim = RawPeer.connect(chain.socket())) {
            Map<Integer, ByteString> expected = new HashMap<>();
            for (int i = 0; i < 2000; i++) {
                int id = 2 * (i ^ 1) + 1; // neighbours swapped, as the Rust client may
                TestFrame sent = request(id, i % 700);
                expected.put(id, sent.payload());
                shim.send(sent);
            }
            for (int i = 0; i < 2000; i++) {
                TestFrame answer = shim.next();
                assertThat(answer.payload()).isEqualTo(expected.remove(answer.id()));
            }
            assertThat(expected).isEmpty();
        }
    }

    @Test
    void statusTextsAndUnknownMethodsPassUnchanged() throws Exception {
        String text = "ESRCH: No such process\n\nStack backtrace:\n   0: \u00e4\u0000\u0001";
        try (RelayChain chain = RelayChain.open(
                        (connection, frame) -> connection.send(TestFrame.status(frame.id(), 13, text)));
                RawPeer shim = RawPeer.connect(chain.socket())) {
            shim.send(TestFrame.request(1, AGENT, "MethodOfNextYear", new byte[] {1, 2, 3}));
            assertThat(shim.next()).isEqualTo(TestFrame.status(1, 13, text));
            TestFrame garbage = new TestFrame(3, 1, 0, ByteString.copyFromUtf8("\u00ff no protobuf at all"));
            shim.send(garbage);
            assertThat(shim.next()).isEqualTo(TestFrame.status(3, 13, text));
            assertThat(chain.agent.frames().getLast().payload()).isEqualTo(garbage.payload());
        }
    }

    @Test
    void aSilentSecondConnectionStaysAndHasNoUpstream() throws Exception {
        try (RelayChain chain = RelayChain.open(ScriptedAgent::echo);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            oneSilentOneTalking(chain, shim);
            shim.send(request(3, 10));
            assertThat(shim.next().id()).isEqualTo(3);
        }
    }

    private static void oneSilentOneTalking(RelayChain chain, RawPeer shim) throws Exception {
        try (RawPeer silent = RawPeer.connect(chain.socket())) {
            shim.send(request(1, 10));
            shim.next();
            assertThat(chain.sessions.list()).singleElement().satisfies(status -> {
                assertThat(status.state()).isEqualTo(State.READY);
                assertThat(status.shimConnections()).isEqualTo(2);
            });
            assertThat(silent.waiting()).isZero();
            silent.send(request(7, 20));
            assertThat(silent.next().id()).as("it may still begin to talk").isEqualTo(7);
        }
    }

    @Test
    void aLostAgentClosesTheShimAndAnswersNothing() throws Exception {
        try (RelayChain chain = RelayChain.open((connection, frame) -> {
                    if (frame.contains("Kill")) {
                        connection.close();
                    }
                });
                RawPeer silent = RawPeer.connect(chain.socket());
                RawPeer shim = RawPeer.connect(chain.socket())) {
            shim.send(TestFrame.request(1, AGENT, "WaitProcess", new byte[0]));
            shim.send(TestFrame.request(3, AGENT, "Kill", new byte[0]));
            assertThat(shim.ended()).isTrue();
            assertThat(silent.ended()).isTrue();
            SessionStatus end = chain.sessions.awaitEnd(RelayChain.ID);
            assertThat(end.state()).isEqualTo(State.LOST);
            assertThat(end.reason())
                    .hasValueSatisfying(reason -> assertThat(reason).contains("lost"));
            assertThat(chain.socket()).doesNotExist();
            chain.sessions.close(RelayChain.ID);
            assertThat(chain.sessions.list()).isEmpty();
        }
    }

    @Test
    void anAgentThatLeavesAtDestroySandboxHasDestroyedIt() throws Exception {
        try (RelayChain chain = RelayChain.open((connection, frame) -> {
                    if (frame.contains("DestroySandbox")) {
                        connection.close();
                    }
                });
                RawPeer shim = RawPeer.connect(chain.socket())) {
            shim.send(TestFrame.request(1, AGENT, "GetOOMEvent", new byte[0]));
            shim.send(TestFrame.request(3, AGENT, "DestroySandbox", new byte[0]));
            assertThat(shim.next()).isEqualTo(TestFrame.response(3, new byte[0]));
            assertThat(shim.ended()).isTrue();
        }
    }

    @Test
    void aShimThatLeavesTakesItsUpstreamAlongAndTheNextOneWorks() throws Exception {
        try (RelayChain chain = RelayChain.open(ScriptedAgent::echo)) {
            for (int i = 0; i < 3; i++) {
                try (RawPeer shim = RawPeer.connect(chain.socket())) {
                    shim.send(request(1, 10));
                    assertThat(shim.next().id()).isEqualTo(1);
                    shim.send(TestFrame.request(3, AGENT, "WaitProcess", new byte[0])
                            .bytes()
                            .clone());
                    shim.next();
                }
            }
            assertThat(chain.agent.connections())
                    .as("one agent connection serves all")
                    .hasSize(1);
        }
    }

    @Test
    void tooLongMessagesAreDrainedAndAnsweredAndTheConnectionLives() throws Exception {
        try (RelayChain chain = RelayChain.open(ScriptedAgent::echo);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            shim.send(request(1, 10));
            shim.next();
            shim.send(new TestFrame(3, 1, 0, ByteString.copyFrom(new byte[(4 << 20) + 1])));
            TestFrame refusal = shim.next();
            assertThat(refusal.id()).isEqualTo(3);
            assertThat(refusal.statusCode()).isEqualTo(8);
            shim.send(request(5, 10));
            assertThat(shim.next().id()).isEqualTo(5);
        }
    }

    @Test
    void createContainerWithoutSpecIsAnsweredAndNobodyElseIsDisturbed() throws Exception {
        try (RelayChain chain = RelayChain.open(ScriptedAgent::echo);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            byte[] empty = CreateContainerRequest.newBuilder()
                    .setContainerId("c1")
                    .build()
                    .toByteArray();
            shim.send(TestFrame.request(1, AGENT, "CreateContainer", empty));
            TestFrame refusal = shim.next();
            assertThat(refusal.statusCode()).isEqualTo(3);
            assertThat(refusal.contains("without an OCI spec")).isTrue();
            shim.send(request(3, 10));
            assertThat(shim.next().id()).isEqualTo(3);
            shim.send(TestFrame.request(5, AGENT, "CreateContainer", new byte[] {(byte) 0xff}));
            assertThat(shim.next().statusCode()).isEqualTo(3);
        }
    }

    @Test
    void createContainerIsEditedAndKeepsWhatIsUnknown() throws Exception {
        try (RelayChain chain = RelayChain.open(ScriptedAgent::echo);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            UnknownFieldSet unknown = UnknownFieldSet.newBuilder()
                    .addField(
                            999,
                            UnknownFieldSet.Field.newBuilder().addVarint(42).build())
                    .build();
            CreateContainerRequest request = CreateContainerRequest.newBuilder()
                    .setContainerId("c1")
                    .setUnknownFields(unknown)
                    .setOCI(Spec.newBuilder().putAnnotations("io.katacontainers.config.hypervisor.default_gpus", "1"))
                    .build();
            TestFrame sent = TestFrame.request(1, AGENT, "CreateContainer", request.toByteArray(), 60_000_000_000L);
            shim.send(sent);
            shim.next();
            TestFrame seen = chain.agent.frames().getLast();
            assertThat(seen.contains("nvidia.com/gpu=all")).isTrue();
            byte[] payload = io.peerpod.relay.TestFrame.request(1, "", "", new byte[0])
                    .payload()
                    .toByteArray();
            assertThat(payload).isNotEmpty();
            assertThat(seen.payload().size()).isGreaterThan(sent.payload().size());
            assertThat(seen.payload().substring(seen.payload().size() - 7))
                    .as("the deadline stays behind the payload")
                    .isEqualTo(sent.payload().substring(sent.payload().size() - 7));
        }
    }

    @Test
    void twoHundredBlockedCallsSlowNobodyDown() throws Exception {
        try (RelayChain chain = RelayChain.open((connection, frame) -> {
                    if (!frame.contains("WaitProcess")) {
                        ScriptedAgent.echo(connection, frame);
                    }
                });
                RawPeer shim = RawPeer.connect(chain.socket())) {
            int id = 1;
            for (int i = 0; i < 200; i++, id += 2) {
                shim.send(TestFrame.request(id, AGENT, "WaitProcess", new byte[0]));
            }
            for (int i = 0; i < 500; i++, id += 2) {
                shim.send(request(id, 64));
                assertThat(shim.next().id()).isEqualTo(id);
            }
        }
    }

    @Test
    void aShimThatDoesNotReadIsWaitedForAndLosesNothing() throws Exception {
        byte[] answer = new byte[1 << 20];
        new Random(1).nextBytes(answer);
        try (RelayChain chain = RelayChain.open(
                        (connection, frame) -> connection.send(TestFrame.response(frame.id(), answer)));
                RawPeer shim = RawPeer.connectSilently(UnixDomainSocketAddress.of(chain.socket()))) {
            int calls = 64;
            for (int id = 1; id < 2 * calls; id += 2) {
                shim.send(TestFrame.request(id, AGENT, "ReadStdout", new byte[0]));
            }
            Thread.sleep(500);
            shim.startReading();
            Set<Integer> ids = new HashSet<>();
            for (int i = 0; i < calls; i++) {
                TestFrame frame = shim.next();
                assertThat(frame.payload().size()).isEqualTo(answer.length);
                assertThat(frame.payload().toByteArray()).isEqualTo(answer);
                ids.add(frame.id());
            }
            assertThat(ids).hasSize(calls);
        }
    }

    @Test
    void anAgentThatDoesNotReadIsWaitedForAndLosesNothing() throws Exception {
        try (RelayChain chain = RelayChain.open((connection, frame) -> {
                    try {
                        Thread.sleep(5);
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                    connection.send(TestFrame.response(frame.id(), new byte[] {1}));
                });
                RawPeer shim = RawPeer.connect(chain.socket())) {
            for (int id = 1; id < 200; id += 2) {
                shim.send(request(id, 1 << 20));
            }
            for (int id = 1; id < 200; id += 2) {
                assertThat(shim.next().id()).isEqualTo(id);
            }
            for (TestFrame frame : chain.agent.frames()) {
                assertThat(frame.payload().size()).isGreaterThan(1 << 20);
            }
        }
    }

    @Test
    void anEditThatBlocksInTheGuestHoldsUpNobodyElse() throws Exception {
        Object gate = new Object();
        boolean[] open = {false};
        RequestEditor editor = new RequestEditor() {
            @Override
            public boolean edits(String service, String method) {
                return method.equals("CreateSandbox");
            }

            @Override
            public byte[] edit(
                    String service, String method, byte[] payload, java.util.Optional<java.time.Duration> remaining)
                    throws InterruptedException {
                synchronized (gate) {
                    while (!open[0]) {
                        gate.wait();
                    }
                }
                return new byte[] {9, 9, 9};
            }
        };
        try (RelayChain chain = new RelayChain(ScriptedAgent::echo, GuestLimits.DEFAULT, editor)) {
            chain.sessions.open(chain.spec, RelayChain.BUDGET);
            try (RawPeer shim = RawPeer.connect(chain.socket())) {
                shim.send(TestFrame.request(1, AGENT, "CreateSandbox", new byte[] {1}));
                shim.send(request(3, 64));
                assertThat(shim.next().id()).isEqualTo(3);
                synchronized (gate) {
                    open[0] = true;
                    gate.notifyAll();
                }
                TestFrame answer = shim.next();
                assertThat(answer.id()).isEqualTo(1);
                assertThat(answer.payload())
                        .isEqualTo(TestFrame.request(1, AGENT, "CreateSandbox", new byte[] {9, 9, 9})
                                .payload());
            }
        }
    }

    @Test
    void theAgentSocketIsForRootAloneAndGoneAfterClose() throws Exception {
        try (RelayChain chain = RelayChain.open(ScriptedAgent::echo)) {
            assertThat(Files.getPosixFilePermissions(chain.socket())).hasSize(2);
            try (RawPeer shim = RawPeer.connect(chain.socket())) {
                shim.send(request(1, 1));
                shim.next();
                chain.sessions.close(RelayChain.ID);
                assertThat(shim.ended()).isTrue();
            }
            assertThat(chain.socket()).doesNotExist();
            assertThat(chain.sessions.awaitEnd(RelayChain.ID).state()).isEqualTo(State.CLOSED);
            chain.sessions.open(chain.spec, RelayChain.BUDGET);
            assertThat(chain.sessions.list()).hasSize(1);
        }
    }
}
