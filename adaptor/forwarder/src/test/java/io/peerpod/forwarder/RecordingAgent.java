// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import com.google.protobuf.Empty;
import io.grpc.stub.StreamObserver;
import io.peerpod.contract.agent.AgentServiceGrpc;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.CreateSandboxRequest;
import io.peerpod.contract.health.CheckRequest;
import io.peerpod.contract.health.HealthCheckResponse;
import io.peerpod.contract.health.HealthGrpc;
import io.peerpod.ttrpc.TtrpcServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An agent that remembers what reached it. */
final class RecordingAgent implements AutoCloseable {

    final List<CreateContainerRequest> containers = new CopyOnWriteArrayList<>();
    final List<CreateSandboxRequest> sandboxes = new CopyOnWriteArrayList<>();
    private final TtrpcServer server;

    RecordingAgent(Path socket) throws IOException {
        server = TtrpcServer.builder()
                .addService(new Agent())
                .addService(new Health())
                .name("recording-agent")
                .listen(socket);
    }

    int connections() {
        return server.connections();
    }

    private final class Agent extends AgentServiceGrpc.AgentServiceImplBase {
        @Override
        public void createContainer(CreateContainerRequest request, StreamObserver<Empty> answer) {
            containers.add(request);
            answer.onNext(Empty.getDefaultInstance());
            answer.onCompleted();
        }

        @Override
        public void createSandbox(CreateSandboxRequest request, StreamObserver<Empty> answer) {
            sandboxes.add(request);
            answer.onNext(Empty.getDefaultInstance());
            answer.onCompleted();
        }
    }

    private static final class Health extends HealthGrpc.HealthImplBase {
        @Override
        public void check(CheckRequest request, StreamObserver<HealthCheckResponse> answer) {
            answer.onNext(HealthCheckResponse.newBuilder()
                    .setStatus(HealthCheckResponse.ServingStatus.SERVING)
                    .build());
            answer.onCompleted();
        }
    }

    @Override
    public void close() {
        server.close();
    }
}
