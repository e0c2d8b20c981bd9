// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.grpc.stub.StreamObserver;
import io.peerpod.contract.health.CheckRequest;
import io.peerpod.contract.health.HealthCheckResponse;
import io.peerpod.contract.health.HealthGrpc;
import io.peerpod.contract.health.VersionCheckResponse;

/** Says that the agent is there, and what it is. */
final class StandInHealth extends HealthGrpc.HealthImplBase {

    @Override
    public void check(CheckRequest request, StreamObserver<HealthCheckResponse> answer) {
        answer.onNext(HealthCheckResponse.newBuilder()
                .setStatus(HealthCheckResponse.ServingStatus.SERVING)
                .build());
        answer.onCompleted();
    }

    @Override
    public void version(CheckRequest request, StreamObserver<VersionCheckResponse> answer) {
        answer.onNext(VersionCheckResponse.newBuilder()
                .setGrpcVersion("0.0.1")
                .setAgentVersion(StandInAgent.VERSION)
                .build());
        answer.onCompleted();
    }
}
