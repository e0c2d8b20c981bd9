// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.hypervisor;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.peerpod.contract.podvminfo.GetInfoRequest;
import io.peerpod.contract.podvminfo.GetInfoResponse;
import io.peerpod.contract.podvminfo.PodVMInfoGrpc;
import io.peerpod.node.mailbox.Mailbox;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Pod;
import io.peerpod.sandbox.SandboxState;
import io.peerpod.ttrpc.TtrpcServer;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Tells the cloud's id of a pod's VM; with {@code Wait} as soon as there is one. To be served attached, so that a wait ends with its caller. */
public final class PodVmInfoService extends PodVMInfoGrpc.PodVMInfoImplBase {
    private final Future<Ready> ready;

    /**
     * Waits for the journals in each call.
     *
     * @param ready completes when the journals are read
     */
    public PodVmInfoService(Future<Ready> ready) {
        this.ready = ready;
    }

    @Override
    public void getInfo(GetInfoRequest request, StreamObserver<GetInfoResponse> responses) {
        Pod pod = new Pod(request.getPodNamespace(), request.getPodName());
        try {
            Sandboxes sandboxes = ready.get().sandboxes();
            Optional<String> id = request.getWait() ? wait(sandboxes, pod) : idOf(sandboxes, pod);
            responses.onNext(GetInfoResponse.newBuilder()
                    .setVMID(id.orElseThrow(() -> missing(pod, request.getWait())))
                    .build());
            responses.onCompleted();
        } catch (ExecutionException | InterruptedException | RuntimeException e) {
            responses.onError(Answers.of(e));
        }
    }

    private static RuntimeException missing(Pod pod, boolean waited) {
        return waited
                ? Answers.status(Status.DEADLINE_EXCEEDED, "pod " + pod + " got no VM while the caller could wait")
                : Answers.status(Status.NOT_FOUND, "pod " + pod + " has no VM on this worker");
    }

    private static Optional<String> wait(Sandboxes sandboxes, Pod pod) throws InterruptedException {
        Deadline deadline = TtrpcServer.CALL_DEADLINE.get(Context.current());
        return deadline == null
                ? Optional.of(sandboxes.await(() -> idOf(sandboxes, pod)))
                : sandboxes.await(() -> idOf(sandboxes, pod), deadline.timeRemaining(TimeUnit.NANOSECONDS));
    }

    /** Of several sandboxes of one pod (a retry beside one that is being stopped) only a living one has an answer. */
    private static Optional<String> idOf(Sandboxes sandboxes, Pod pod) {
        return sandboxes.all().stream()
                .map(Mailbox::state)
                .flatMap(state -> vm(state, pod).stream())
                .map(PodVm::id)
                .findFirst();
    }

    private static Optional<PodVm> vm(SandboxState state, Pod pod) {
        return switch (state) {
            case SandboxState.Connecting(var sandbox, var vm) when sandbox.pod().equals(pod) -> Optional.of(vm);
            case SandboxState.Ready(var sandbox, var vm) when sandbox.pod().equals(pod) -> Optional.of(vm);
            case SandboxState.Connecting _, SandboxState.Ready _ -> Optional.empty();
            case SandboxState.Absent _, SandboxState.Prepared _, SandboxState.Launching _ -> Optional.empty();
            case SandboxState.AwaitingLanding _, SandboxState.Stopping _, SandboxState.Gone _ -> Optional.empty();
        };
    }
}
