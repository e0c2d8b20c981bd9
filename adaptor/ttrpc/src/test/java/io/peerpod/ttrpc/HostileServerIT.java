// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.peerpod.ttrpc.playground.Note;
import io.peerpod.ttrpc.playground.PlaygroundGrpc;
import io.peerpod.ttrpc.wire.Request;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a hostile, broken or dying server sends: the call that it concerns fails, the others go on. */
@Timeout(60)
class HostileServerIT {
    private static final int RESPONSE = FrameHeader.TYPE_RESPONSE;
    private static final int DATA = FrameHeader.TYPE_DATA;

    @TempDir
    Path folder;

    private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();
    private TtrpcChannel channel;
    private RawPeer server;
    private PlaygroundGrpc.PlaygroundBlockingStub stub;

    @BeforeEach
    void start() throws Exception {
        start(TtrpcLimits.DEFAULT);
    }

    private void start(TtrpcLimits limits) throws Exception {
        if (channel != null) {
            channel.close();
            server.close();
        }
        Path socket = folder.resolve("s" + System.nanoTime());
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(UnixDomainSocketAddress.of(socket));
            channel = TtrpcChannel.over(SocketChannel.open(UnixDomainSocketAddress.of(socket)), limits);
            server = new RawPeer(listener.accept());
        }
        stub = PlaygroundGrpc.newBlockingStub(channel);
    }

    @AfterEach
    void stop() throws Exception {
        channel.close();
        server.close();
        callers.close();
    }

    private static Note number(long number) {
        return Note.newBuilder().setNumber(number).build();
    }

    private Future<Note> echo(long number) {
        return callers.submit(() -> stub.echo(number(number)));
    }

    /** The id of the next request. */
    private int requested() throws Exception {
        return server.next().header().streamId();
    }

    private void answer(int id, long number) throws Exception {
        server.bytes(
                ServerConnection.response(id, ByteString.EMPTY, number(number).toByteString()));
    }

    private static Status statusOf(Future<Note> call) throws Exception {
        Throwable failure = catchThrowable(call::get);
        assertThat(failure).isInstanceOf(ExecutionException.class);
        return Status.fromThrowable(failure);
    }

    /** The connection still carries calls. */
    private void lives() throws Exception {
        Future<Note> call = echo(77);
        answer(requested(), 77);
        assertThat(call.get()).isEqualTo(number(77));
    }

    @Test
    void answersMayComeInAnyOrder() throws Exception {
        Future<Note> first = echo(1);
        int firstId = requested();
        Future<Note> second = echo(2);
        answer(requested(), 2);
        assertThat(second.get()).isEqualTo(number(2));
        answer(firstId, 1);
        assertThat(first.get()).isEqualTo(number(1));
    }

    @Test
    void idsAreOddAndStrictlyRisingHoweverManyCallersThereAre() throws Exception {
        for (int i = 0; i < 64; i++) {
            callers.execute(() -> {
                for (int round = 0; round < 20; round++) {
                    stub.echo(number(1));
                }
            });
        }
        for (int expected = 1; expected < 2 * 64 * 20; expected += 2) {
            int id = requested();
            assertThat(id).isEqualTo(expected);
            answer(id, 1);
        }
    }

    @Test
    void codeZeroIsSuccess() throws Exception {
        Future<Note> call = echo(1);
        ByteString zero =
                com.google.rpc.Status.newBuilder().setMessage("fine").build().toByteString();
        server.bytes(ServerConnection.response(requested(), zero, number(1).toByteString()));
        assertThat(call.get()).isEqualTo(number(1));
        // As the Rust server writes it: field 1, present and empty.
        Future<Note> other = echo(2);
        server.frame(requested(), RESPONSE, 0, ByteString.copyFrom(new byte[] {10, 0, 18, 2, 16, 2}));
        assertThat(other.get()).isEqualTo(number(2));
    }

    @Test
    void lateAnswerAfterTheDeadlineIsDropped() throws Exception {
        Future<Note> call = callers.submit(
                () -> stub.withDeadlineAfter(50, TimeUnit.MILLISECONDS).echo(number(1)));
        Frame.Whole frame = server.next();
        Request request = Envelopes.request(frame.data(), 10);
        assertThat(request.getTimeoutNano()).isBetween(1L, 50_000_000L);
        assertThat(statusOf(call).getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
        answer(frame.header().streamId(), 1);
        lives();
    }

    @Test
    void framesForStreamsThatDoNotExistAreIgnored() throws Exception {
        answer(99, 1);
        server.frame(2, DATA, 0, number(1));
        server.frame(0, 17, 0xFF, number(1));
        server.frame(1, FrameHeader.TYPE_REQUEST, 0, number(1));
        lives();
    }

    @Test
    void dataFrameForAUnaryCallFailsThatCallAlone() throws Exception {
        Future<Note> call = echo(1);
        Future<Note> other = echo(2);
        int first = requested();
        int second = requested();
        server.frame(first, DATA, 0, number(1));
        server.frame(second, DATA, 0, number(1));
        assertThat(statusOf(call).getCode()).isEqualTo(Status.Code.INTERNAL);
        assertThat(statusOf(other).getCode()).isEqualTo(Status.Code.INTERNAL);
        lives();
    }

    @Test
    void answerThatCannotBeDecodedFailsItsCallAlone() throws Exception {
        Future<Note> call = echo(1);
        server.frame(requested(), RESPONSE, 0, ByteString.copyFrom(new byte[] {-1, -1}));
        assertThat(statusOf(call).getCode()).isEqualTo(Status.Code.INTERNAL);
        Future<Note> other = echo(1);
        server.bytes(
                ServerConnection.response(requested(), ByteString.EMPTY, ByteString.copyFrom(new byte[] {10, 9, 65})));
        assertThat(statusOf(other).getCode()).isEqualTo(Status.Code.INTERNAL);
        lives();
    }

    @Test
    void oversizedAnswerFailsItsCallAlone() throws Exception {
        Future<Note> call = echo(1);
        server.frame(requested(), RESPONSE, 0, ByteString.copyFrom(new byte[FrameHeader.MAX_DATA_BYTES + 1]));
        assertThat(statusOf(call).getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        lives();
    }

    @Test
    void pendingCallsFailWhenTheConnectionBreaksWithinAFrame() throws Exception {
        Future<Note> call = echo(1);
        Future<Note> other = echo(2);
        requested();
        requested();
        server.bytes(new byte[] {0, 0, 0, 9, 0});
        server.close();
        assertThat(statusOf(call).getDescription()).isEqualTo("ttrpc: closed");
        assertThat(statusOf(other).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        channel.whenClosed().toCompletableFuture().get();
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void deadlinePassesAlsoWhenTheServerReadsNothing() {
        Note large = Note.newBuilder()
                .setBlob(ByteString.copyFrom(new byte[3 << 20]))
                .build();
        for (int i = 0; i < 30; i++) {
            Throwable failure = catchThrowable(
                    () -> stub.withDeadlineAfter(20, TimeUnit.MILLISECONDS).echo(large));
            assertThat(Status.fromThrowable(failure).getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
        }
        assertThat(channel.openStreams()).isZero();
    }

    @Test
    void streamNotConsumedDoesNotBlockConnection() throws Exception {
        start(TtrpcLimits.DEFAULT.withMaxQueuedMessages(16));
        var end = new CompletableFuture<Throwable>();
        PlaygroundGrpc.newStub(channel).count(number(1), new NeverAsks(end));
        int id = requested();
        for (int i = 0; i < 100; i++) {
            server.frame(id, DATA, 0, number(i));
        }
        lives();
        Status status = Status.fromThrowable(end.get());
        assertThat(status.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(status.getDescription()).contains("maxQueuedMessages");
    }

    @Test
    void manyLargeAnswersAtOnceAllArrive() throws Exception {
        start(TtrpcLimits.DEFAULT.withMaxInFlightBytes(FrameHeader.MAX_DATA_BYTES));
        Note large = Note.newBuilder()
                .setBlob(ByteString.copyFrom(new byte[3 << 20]))
                .build();
        List<Future<Note>> calls = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            calls.add(echo(i));
        }
        for (int i = 0; i < 10; i++) {
            server.bytes(ServerConnection.response(requested(), ByteString.EMPTY, large.toByteString()));
        }
        for (Future<Note> call : calls) {
            assertThat(call.get()).isEqualTo(large);
        }
    }

    /** A consumer of a stream that takes nothing. */
    private record NeverAsks(CompletableFuture<Throwable> end) implements ClientResponseObserver<Note, Note> {
        @Override
        public void beforeStart(ClientCallStreamObserver<Note> call) {
            call.disableAutoRequestWithInitial(0);
        }

        @Override
        public void onNext(Note note) {
            throw new AssertionError("nobody asked for it");
        }

        @Override
        public void onError(Throwable failure) {
            end.complete(failure);
        }

        @Override
        public void onCompleted() {
            end.complete(new AssertionError("the stream should have failed"));
        }
    }

    @Test
    void streamMayEndWithItsLastMessageOrWithAResponse() throws Exception {
        Future<Long> lastData = callers.submit(() -> sum(3));
        int id = requested();
        server.frame(id, DATA, 0, number(1));
        server.frame(id, DATA, FrameHeader.FLAG_REMOTE_CLOSED, number(2));
        assertThat(lastData.get()).isEqualTo(3);
        Future<Long> response = callers.submit(() -> sum(3));
        id = requested();
        server.frame(id, DATA, 0, number(1));
        server.bytes(ServerConnection.response(id, ByteString.EMPTY, number(4).toByteString()));
        assertThat(response.get()).isEqualTo(5);
        Future<Long> failed = callers.submit(() -> sum(3));
        id = requested();
        server.frame(id, DATA, 0, number(1));
        ByteString aborted = Statuses.encode(Status.ABORTED.withDescription("enough"), new io.grpc.Metadata());
        server.bytes(ServerConnection.response(id, aborted, ByteString.EMPTY));
        assertThatThrownBy(failed::get).hasRootCauseMessage("ABORTED: enough");
    }

    private long sum(long limit) {
        long sum = 0;
        var notes = stub.count(number(limit));
        while (notes.hasNext()) {
            sum += notes.next().getNumber();
        }
        return sum;
    }
}
