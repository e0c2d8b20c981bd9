// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.control.AwaitEndRequest;
import io.peerpod.relay.control.CloseRequest;
import io.peerpod.relay.control.HandOverRequest;
import io.peerpod.relay.control.InfoRequest;
import io.peerpod.relay.control.InfoResponse;
import io.peerpod.relay.control.ListRequest;
import io.peerpod.relay.control.OpenRequest;
import io.peerpod.relay.control.OpenResponse;
import io.peerpod.relay.control.RelayGrpc;
import io.peerpod.relay.handover.Passage;
import io.peerpod.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Talks to a relay process over its control socket. A client whose connection broke stays broken; connect a new one. */
public final class RelayClient implements RelayControl {
    private final Path socket;
    private final TtrpcChannel channel;
    private final RelayGrpc.RelayBlockingStub relay;

    private RelayClient(Path socket, TtrpcChannel channel) {
        this.socket = socket;
        this.channel = channel;
        relay = RelayGrpc.newBlockingStub(channel);
    }

    /**
     * Connects to the control socket of a running relay.
     *
     * @throws IOException when nobody listens there
     */
    public static RelayClient connect(Path relaySocket) throws IOException {
        return new RelayClient(relaySocket, TtrpcChannel.connect(relaySocket));
    }

    /** Whether the connection to the relay process still stands. */
    public boolean isOpen() {
        return channel.isOpen();
    }

    private interface Call<T> {
        T run();
    }

    private <T> T call(Call<T> call) throws RelayException {
        try {
            return call.run();
        } catch (StatusRuntimeException e) {
            Failure failure =
                    e.getStatus().getCode() == Status.Code.UNAVAILABLE ? Failure.RELAY_GONE : Failure.INTERNAL;
            throw new RelayException(
                    failure,
                    "the relay on " + socket + " did not answer: "
                            + e.getStatus().getDescription(),
                    e);
        } catch (IllegalArgumentException e) {
            throw new RelayException(
                    Failure.INTERNAL,
                    "the relay on " + socket + " gave an answer that this version does not know: " + e.getMessage(),
                    e);
        }
    }

    private <T> T interruptibleCall(Call<T> call) throws RelayException, InterruptedException {
        try {
            return call(call);
        } catch (RelayException e) {
            // The stub turns an interruption into a status and keeps the flag.
            if (Thread.interrupted()) {
                throw new InterruptedException("interrupted while the relay was asked");
            }
            throw e;
        }
    }

    @Override
    public RelayInfo info() throws RelayException {
        InfoResponse info = call(() -> relay.info(InfoRequest.getDefaultInstance()));
        return new RelayInfo(
                info.getProcessId(),
                info.getVersion(),
                info.getSessions(),
                info.getBuild(),
                info.getProtocol(),
                info.getObstacle().isEmpty() ? Optional.empty() : Optional.of(info.getObstacle()));
    }

    /**
     * Asks for everything that the relay holds; it connects to the successor's socket when this has returned.
     *
     * @return why not, a sentence; empty: it comes
     * @throws RelayException also from a relay that is too old to know the question
     */
    public Optional<String> handOver(Path successorSocket) throws RelayException {
        HandOverRequest request = HandOverRequest.newBuilder()
                .setSocket(successorSocket.toString())
                .setOldestFormat(Passage.OLDEST_FORMAT)
                .setNewestFormat(Passage.NEWEST_FORMAT)
                .setBuild(RelayBuild.current())
                .build();
        String refusal = call(() -> relay.handOver(request)).getRefusal();
        return refusal.isEmpty() ? Optional.empty() : Optional.of(refusal);
    }

    @Override
    public void open(SessionSpec spec, Duration budget) throws RelayException, InterruptedException {
        open(spec, budget, _ -> {});
    }

    @Override
    public void open(SessionSpec spec, Duration budget, Consumer<DialStep> steps)
            throws RelayException, InterruptedException {
        OpenRequest request = OpenRequest.newBuilder()
                .setSpec(Wire.toMessage(spec))
                .setBudgetNanos(budget.toNanos())
                .build();
        OpenResponse response = interruptibleCall(() -> relay.open(request));
        response.getStepsList().forEach(step -> Wire.toStep(step).ifPresent(steps));
        if (!response.getFailure().isEmpty()) {
            Failure failure = call(() -> Failure.valueOf(response.getFailure()));
            throw new RelayException(failure, response.getMessage());
        }
    }

    @Override
    public void close(String sandboxId) throws RelayException {
        call(() -> relay.close(CloseRequest.newBuilder().setSandboxId(sandboxId).build()));
    }

    @Override
    public List<SessionStatus> list() throws RelayException {
        return call(() -> relay.list(ListRequest.getDefaultInstance()).getSessionsList().stream()
                .map(Wire::toStatus)
                .toList());
    }

    @Override
    public SessionStatus awaitEnd(String sandboxId) throws RelayException, InterruptedException {
        AwaitEndRequest request =
                AwaitEndRequest.newBuilder().setSandboxId(sandboxId).build();
        return interruptibleCall(() -> Wire.toStatus(relay.awaitEnd(request).getStatus()));
    }

    @Override
    public SessionStatus awaitTrouble(String sandboxId) throws RelayException, InterruptedException {
        AwaitEndRequest request =
                AwaitEndRequest.newBuilder().setSandboxId(sandboxId).build();
        return interruptibleCall(() -> Wire.toStatus(relay.awaitTrouble(request).getStatus()));
    }

    @Override
    public void close() {
        channel.close();
    }
}
