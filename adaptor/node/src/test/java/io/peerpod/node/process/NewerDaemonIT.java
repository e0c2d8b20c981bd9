// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.peerpod.contract.hypervisor.HypervisorGrpc;
import io.peerpod.contract.hypervisor.StartVMRequest;
import io.peerpod.contract.hypervisor.StartVMResponse;
import io.peerpod.ttrpc.TtrpcServer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class NewerDaemonIT {
    private static final StartVMRequest REQUEST =
            StartVMRequest.newBuilder().setId("a1").build();

    @TempDir
    private Path folder;

    /** A newer daemon that answers StartVM with these texts, in order, then with success. */
    private static final class Answering extends HypervisorGrpc.HypervisorImplBase {
        private final AtomicInteger calls = new AtomicInteger();
        private final Queue<String> failures;

        Answering(String... failures) {
            this.failures = new ArrayDeque<>(List.of(failures));
        }

        @Override
        public void startVM(StartVMRequest request, StreamObserver<StartVMResponse> responses) {
            calls.incrementAndGet();
            String failure = failures.poll();
            if (failure != null) {
                responses.onError(Status.UNAVAILABLE.withDescription(failure).asRuntimeException());
                return;
            }
            responses.onNext(StartVMResponse.getDefaultInstance());
            responses.onCompleted();
        }
    }

    private NewerDaemon newer() {
        NewerDaemon newer = new NewerDaemon(folder.resolve("hypervisor.sock"));
        newer.tookOver();
        return newer;
    }

    private TtrpcServer serve(Answering service) throws Exception {
        return TtrpcServer.builder().addService(service).listen(folder.resolve("hypervisor.sock"));
    }

    @Test
    void aPodThatDidNotStartWithTheNewerDaemonIsToldAtOnceAndNotAskedForAgain() throws Exception {
        Answering service = new Answering("pod default/a did not start: zone 1 has no room");
        try (TtrpcServer _ = serve(service)) {
            assertThatThrownBy(() -> newer().ask(stub -> stub.startVM(REQUEST)))
                    .isInstanceOf(StatusRuntimeException.class)
                    .hasMessageContaining("zone 1 has no room");
        }
        assertThat(service.calls).hasValue(1);
    }

    @Test
    void aNewerDaemonThatIsEndingInItsTurnIsWaitedFor() throws Exception {
        Answering service = new Answering(NewerDaemon.ENDING, NewerDaemon.ENDING);
        try (TtrpcServer _ = serve(service)) {
            StartVMResponse answer = newer().ask(stub -> stub.startVM(REQUEST));
            assertThat(answer).isEqualTo(StartVMResponse.getDefaultInstance());
        }
        assertThat(service.calls).hasValue(3);
    }
}
