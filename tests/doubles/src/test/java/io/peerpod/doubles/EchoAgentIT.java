// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.MessageLite;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.ReadStreamRequest;
import io.peerpod.contract.agent.ReadStreamResponse;
import io.peerpod.contract.agent.RemoveContainerRequest;
import io.peerpod.contract.agent.WaitProcessRequest;
import io.peerpod.contract.agent.WaitProcessResponse;
import io.peerpod.contract.agent.WriteStreamRequest;
import io.peerpod.contract.agent.WriteStreamResponse;
import io.peerpod.contract.health.CheckRequest;
import io.peerpod.contract.health.HealthCheckResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EchoAgentIT {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    Path folder;

    private EchoAgent agent;
    private WireClient client;

    @BeforeEach
    void listen() throws Exception {
        agent = EchoAgent.listen(folder.resolve("agent.sock"), true);
        client = WireClient.connect(folder.resolve("agent.sock"), WireClient.Writing.PIECES);
    }

    @AfterEach
    void close() throws Exception {
        client.close();
        agent.close();
    }

    private byte[] call(String method, MessageLite request) throws Exception {
        return client.call(AgentCalls.AGENT, method, request, PATIENCE);
    }

    @Test
    void healthIsServing() throws Exception {
        byte[] answer = client.call(AgentCalls.HEALTH, "Check", CheckRequest.getDefaultInstance(), PATIENCE);
        assertThat(HealthCheckResponse.parseFrom(answer).getStatus())
                .isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
    }

    @Test
    void aBenchReadAnswersExactlyTheAskedBytes() throws Exception {
        for (int asked : new int[] {1, 127, 128, 32_768, 1 << 20}) {
            byte[] answer = call(
                    "ReadStdout",
                    ReadStreamRequest.newBuilder()
                            .setContainerId(EchoAgent.BENCH_CONTAINER)
                            .setLen(asked)
                            .build());
            assertThat(ReadStreamResponse.parseFrom(answer).getData().size()).isEqualTo(asked);
        }
    }

    @Test
    void aWriteAnswersHowMuchItTook() throws Exception {
        byte[] answer = call(
                "WriteStdin",
                WriteStreamRequest.newBuilder()
                        .setContainerId("c")
                        .setData(com.google.protobuf.ByteString.copyFrom(new byte[1 << 20]))
                        .build());
        assertThat(WriteStreamResponse.parseFrom(answer).getLen()).isEqualTo(1 << 20);
    }

    @Test
    void manyWaitsStayOpenUntilTheContainerIsRemovedAndBlockNobody() throws Exception {
        List<CompletableFuture<byte[]>> waits = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            WaitProcessRequest wait = WaitProcessRequest.newBuilder()
                    .setContainerId("c")
                    .setExecId("e" + i)
                    .build();
            waits.add(client.send(AgentCalls.AGENT, "WaitProcess", wait.toByteArray(), Duration.ZERO));
        }
        call(
                "CreateContainer",
                CreateContainerRequest.newBuilder().setContainerId("d").build());
        assertThat(waits).noneMatch(CompletableFuture::isDone);
        call(
                "RemoveContainer",
                RemoveContainerRequest.newBuilder().setContainerId("c").build());
        for (CompletableFuture<byte[]> wait : waits) {
            assertThat(WaitProcessResponse.parseFrom(wait.get()).getStatus()).isEqualTo(137);
        }
    }

    @Test
    void aShimProcessReadsUntilTheEndAndOnlyThenWaits() throws Exception {
        List<String> answered = new ArrayList<>();
        AgentCalls calls = new AgentCalls(client, ShimHabits.GO, (call, took) -> {
            synchronized (answered) {
                answered.add(call);
            }
        });
        ShimProcess process = new ShimProcess(calls, "c", "c");
        process.follow(false);
        process.awaitOutput("hello from c", PATIENCE);
        assertThat(process.hasEnded()).isFalse();
        process.signal(15);
        assertThat(process.awaitExit(PATIENCE)).isEqualTo(128 + 15);
        assertThat(answered).contains("ReadStdout", "ReadStderr").containsOnlyOnce("WaitProcess");
        assertThat(answered.indexOf("WaitProcess"))
                .isGreaterThan(answered.lastIndexOf("ReadStdout"))
                .isGreaterThan(answered.lastIndexOf("ReadStderr"));
    }

    @Test
    void pendingCallsFailWithTheTextThatShimsKnowWhenTheConnectionEnds() throws Exception {
        WaitProcessRequest wait =
                WaitProcessRequest.newBuilder().setContainerId("c").build();
        CompletableFuture<byte[]> answer =
                client.send(AgentCalls.AGENT, "WaitProcess", wait.toByteArray(), Duration.ZERO);
        agent.close();
        assertThat(answer).failsWithin(PATIENCE).withThrowableThat().withMessageContaining("ttrpc: closed");
    }
}
