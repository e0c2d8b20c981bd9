// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.peerpod.relay.RawPeer;
import io.peerpod.relay.ScriptedAgent;
import io.peerpod.relay.SessionStatus.State;
import io.peerpod.relay.TestFrame;
import io.peerpod.relay.guest.GuestLimits;
import io.peerpod.relay.guest.RequestEditor;
import io.peerpod.relay.session.SessionLimits;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a shim sees when the path to the pod VM breaks: nothing. */
@Timeout(120)
class ResumptionIT {
    private static final String AGENT = "grpc.AgentService";

    /** Notices a dead path quickly. */
    private static final SessionLimits BRISK = new SessionLimits(
            Duration.ofMillis(20), Duration.ofMillis(200), Duration.ofMillis(600), Duration.ofMinutes(2));

    private static TestFrame request(int id, int bytes) {
        byte[] payload = new byte[bytes];
        new Random(id).nextBytes(payload);
        return TestFrame.request(id, AGENT, "WriteStdin", payload);
    }

    private static RelayChain chain(ScriptedAgent.Script script, SessionLimits limits) throws Exception {
        RelayChain chain = new RelayChain(script, GuestLimits.DEFAULT, RequestEditor.NONE, limits);
        chain.sessions.open(chain.breakableSpec(), RelayChain.BUDGET);
        return chain;
    }

    @Test
    void anOpenCallSurvivesAReset() throws Exception {
        BlockingQueue<Runnable> answers = new LinkedBlockingQueue<>();
        try (RelayChain chain = chain(
                        (connection, frame) -> answers.add(() -> {
                            try {
                                ScriptedAgent.echo(connection, frame);
                            } catch (java.io.IOException e) {
                                throw new java.io.UncheckedIOException(e);
                            }
                        }),
                        SessionLimits.RELAY);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            TestFrame wait = request(1, 100);
            shim.send(wait);
            Runnable answer = answers.take();
            int before = chain.proxy.connections();
            chain.proxy.cut();
            while (chain.proxy.connections() == before) {
                Thread.sleep(1);
            }
            answer.run();
            assertThat(shim.next().payload()).isEqualTo(wait.payload());
            assertThat(chain.agent.frames()).hasSize(1);
            assertThat(chain.sessions.list())
                    .singleElement()
                    .satisfies(status -> assertThat(status.state()).isEqualTo(State.READY));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void cutsInTheMiddleOfRecordsLoseNothingAndRepeatNothing(long seed) throws Exception {
        Random random = new Random(seed);
        try (RelayChain chain = chain(ScriptedAgent::echo, SessionLimits.RELAY);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            Map<Integer, ByteString> expected = new HashMap<>();
            int calls = 300;
            int answered = 0;
            for (int i = 0; i < calls; i++) {
                int id = 2 * i + 1;
                TestFrame sent = request(id, random.nextInt(random.nextInt(10) == 0 ? 1_000_000 : 3_000));
                expected.put(id, sent.payload());
                if (random.nextInt(5) == 0) {
                    chain.proxy.cutAfter(random.nextInt(random.nextBoolean() ? 200 : 300_000));
                }
                shim.send(sent);
                if (random.nextBoolean()) {
                    TestFrame answer = shim.next();
                    assertThat(answer.payload()).isEqualTo(expected.remove(answer.id()));
                    answered++;
                }
            }
            for (; answered < calls; answered++) {
                TestFrame answer = shim.next();
                assertThat(answer.payload()).isEqualTo(expected.remove(answer.id()));
            }
            assertThat(chain.agent.frames()).as("each request once").hasSize(calls);
            Set<Integer> ids = new HashSet<>();
            chain.agent
                    .frames()
                    .forEach(frame -> assertThat(ids.add(frame.id())).isTrue());
            assertThat(chain.proxy.connections())
                    .as("connections over the path")
                    .isGreaterThan(10);
        }
    }

    @Test
    void aResetEveryFewHundredMillisecondsIsNotSeen() throws Exception {
        try (RelayChain chain = chain(ScriptedAgent::echo, SessionLimits.RELAY);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            Thread cutter = Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        Thread.sleep(200);
                        chain.proxy.cut();
                    }
                } catch (InterruptedException _) {
                    // enough
                }
            });
            long end = System.nanoTime() + Duration.ofSeconds(4).toNanos();
            int id = 1;
            while (System.nanoTime() < end) {
                TestFrame sent = request(id, 20_000);
                shim.send(sent);
                assertThat(shim.next().payload()).isEqualTo(sent.payload());
                id += 2;
            }
            cutter.interrupt();
            assertThat(chain.agent.frames()).hasSize(id / 2);
        }
    }

    @Test
    void aPathThatSwallowsEverythingIsNoticedAndRecoversWhenItCanBeUsedAgain() throws Exception {
        try (RelayChain chain = chain(ScriptedAgent::echo, BRISK);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            shim.send(request(1, 10));
            shim.next();
            chain.proxy.silence(true);
            TestFrame sent = request(3, 50_000);
            shim.send(sent);
            while (chain.sessions.list().getFirst().reason().isEmpty()) {
                Thread.sleep(5);
            }
            assertThat(chain.sessions.list().getFirst().state()).isEqualTo(State.READY);
            chain.proxy.silence(false);
            assertThat(shim.next().payload()).isEqualTo(sent.payload());
            assertThat(chain.agent.frames()).hasSize(2);
        }
    }

    @Test
    void bothDirectionsFullOfBulkDoNotWaitForEachOther() throws Exception {
        try (RelayChain chain = chain(ScriptedAgent::echo, SessionLimits.RELAY);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            int before = chain.proxy.connections();
            for (int i = 0; i < 60; i++) {
                shim.send(request(2 * i + 1, 1_000_000));
            }
            for (int i = 0; i < 60; i++) {
                TestFrame answer = shim.next();
                assertThat(answer.payload())
                        .isEqualTo(request(answer.id(), 1_000_000).payload());
            }
            assertThat(chain.proxy.connections()).isEqualTo(before);
        }
    }

    @Test
    void patienceHasAnEndAndThenTheShimIsClosedAndNothingIsAnswered() throws Exception {
        try (RelayChain chain =
                        chain((connection, frame) -> {}, SessionLimits.RELAY.withPatience(Duration.ofMillis(500)));
                RawPeer shim = RawPeer.connect(chain.socket())) {
            shim.send(request(1, 10));
            chain.proxy.close();
            assertThat(shim.ended()).isTrue();
            assertThat(chain.sessions.awaitEnd(RelayChain.ID).reason())
                    .hasValueSatisfying(reason -> assertThat(reason).contains("could not be resumed"));
        }
    }

    @Test
    void withoutPatienceThereAreNoSessionsAndALostConnectionEndsTheShim() throws Exception {
        try (RelayChain chain = chain(ScriptedAgent::echo, SessionLimits.RELAY.withPatience(Duration.ZERO));
                RawPeer shim = RawPeer.connect(chain.socket())) {
            shim.send(request(1, 10));
            shim.next();
            chain.proxy.cut();
            assertThat(shim.ended()).isTrue();
        }
    }

    @Test
    void aShimThatLeavesEndsItsSessionInTheGuestToo() throws Exception {
        try (RelayChain chain = chain(ScriptedAgent::echo, SessionLimits.RELAY)) {
            for (int i = 0; i < 100; i++) {
                try (RawPeer shim = RawPeer.connect(chain.socket())) {
                    shim.send(request(1, 10));
                    assertThat(shim.next().id()).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void anAgentThatLeavesEndsTheSessionAtOnceAndNobodyDials() throws Exception {
        try (RelayChain chain = chain((connection, frame) -> connection.close(), SessionLimits.RELAY);
                RawPeer shim = RawPeer.connect(chain.socket())) {
            int before = chain.proxy.connections();
            shim.send(request(1, 10));
            assertThat(shim.ended()).isTrue();
            assertThat(chain.sessions.awaitEnd(RelayChain.ID).state()).isEqualTo(State.LOST);
            assertThat(chain.proxy.connections()).isEqualTo(before);
        }
    }
}
