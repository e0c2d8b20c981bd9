// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.RelayInfo;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.Wire;
import io.peerpod.relay.control.AwaitEndRequest;
import io.peerpod.relay.control.AwaitEndResponse;
import io.peerpod.relay.control.CloseRequest;
import io.peerpod.relay.control.CloseResponse;
import io.peerpod.relay.control.HandOverRequest;
import io.peerpod.relay.control.HandOverResponse;
import io.peerpod.relay.control.InfoRequest;
import io.peerpod.relay.control.InfoResponse;
import io.peerpod.relay.control.ListRequest;
import io.peerpod.relay.control.ListResponse;
import io.peerpod.relay.control.OpenRequest;
import io.peerpod.relay.control.OpenResponse;
import io.peerpod.relay.control.RelayGrpc;
import java.time.Duration;

/** The sessions on the control socket. Handlers run on virtual threads and may block. */
final class ControlService extends RelayGrpc.RelayImplBase {
    private final Sessions sessions;
    private final Predecessor predecessor;

    ControlService(Sessions sessions, Predecessor predecessor) {
        this.sessions = sessions;
        this.predecessor = predecessor;
    }

    @Override
    public void info(InfoRequest request, StreamObserver<InfoResponse> answer) {
        RelayInfo info = sessions.info();
        complete(
                answer,
                InfoResponse.newBuilder()
                        .setProcessId(info.processId())
                        .setVersion(info.version())
                        .setSessions(info.sessions())
                        .setBuild(info.build())
                        .setProtocol(info.protocol())
                        .setObstacle(info.obstacle().orElse(""))
                        .build());
    }

    @Override
    public void open(OpenRequest request, StreamObserver<OpenResponse> answer) {
        OpenResponse.Builder response = OpenResponse.newBuilder();
        try {
            SessionSpec spec = Wire.toSpec(request.getSpec());
            sessions.open(
                    spec, Duration.ofNanos(request.getBudgetNanos()), step -> response.addSteps(Wire.toMessage(step)));
        } catch (RelayException e) {
            response.setFailure(e.failure().name()).setMessage(String.valueOf(e.getMessage()));
        } catch (IllegalArgumentException e) {
            response.setFailure(Failure.BAD_SPEC.name()).setMessage(String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            cancelled(answer);
            return;
        }
        complete(answer, response.build());
    }

    @Override
    public void close(CloseRequest request, StreamObserver<CloseResponse> answer) {
        sessions.close(request.getSandboxId());
        complete(answer, CloseResponse.getDefaultInstance());
    }

    @Override
    public void list(ListRequest request, StreamObserver<ListResponse> answer) {
        ListResponse.Builder response = ListResponse.newBuilder();
        sessions.list().stream().map(Wire::toMessage).forEach(response::addSessions);
        complete(answer, response.build());
    }

    @Override
    public void awaitEnd(AwaitEndRequest request, StreamObserver<AwaitEndResponse> answer) {
        try {
            complete(
                    answer,
                    AwaitEndResponse.newBuilder()
                            .setStatus(Wire.toMessage(sessions.awaitEnd(request.getSandboxId())))
                            .build());
        } catch (InterruptedException e) {
            cancelled(answer);
        }
    }

    @Override
    public void handOver(HandOverRequest request, StreamObserver<HandOverResponse> answer) {
        String refusal = predecessor.ask(request).orElse("");
        complete(answer, HandOverResponse.newBuilder().setRefusal(refusal).build());
        if (refusal.isEmpty()) {
            predecessor.start(request);
        }
    }

    @Override
    public void awaitTrouble(AwaitEndRequest request, StreamObserver<AwaitEndResponse> answer) {
        try {
            complete(
                    answer,
                    AwaitEndResponse.newBuilder()
                            .setStatus(Wire.toMessage(sessions.awaitTrouble(request.getSandboxId())))
                            .build());
        } catch (InterruptedException e) {
            cancelled(answer);
        }
    }

    private static <T> void complete(StreamObserver<T> answer, T response) {
        answer.onNext(response);
        answer.onCompleted();
    }

    private static void cancelled(StreamObserver<?> answer) {
        answer.onError(Status.CANCELLED.withDescription("the caller went away").asRuntimeException());
    }
}
