// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.peerpod.ttrpc.playground.Note;
import io.peerpod.ttrpc.playground.PlaygroundGrpc;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Generated stubs of every shape at both ends of a real socket. */
@Timeout(60)
class StubsIT {
    @TempDir
    Path folder;

    private TtrpcServer server;
    private TtrpcChannel channel;
    private PlaygroundGrpc.PlaygroundBlockingStub blocking;
    private PlaygroundGrpc.PlaygroundStub async;

    @BeforeEach
    void start() throws Exception {
        Path socket = folder.resolve("s");
        server = TtrpcServer.builder()
                .addService(PlaygroundService.definition())
                .peerCheck(Peer::isThisUser)
                .listen(socket);
        channel = TtrpcChannel.connect(socket);
        blocking = PlaygroundGrpc.newBlockingStub(channel);
        async = PlaygroundGrpc.newStub(channel);
    }

    @AfterEach
    void stop() {
        channel.close();
        server.close();
    }

    private static Note number(long number) {
        return Note.newBuilder().setNumber(number).build();
    }

    private static Status.Code codeOf(Throwable failure) {
        return Status.fromThrowable(failure).getCode();
    }

    @Test
    void unaryCallIsAnswered() {
        Note note = Note.newBuilder().setText("h\u00e9").setNumber(-5).build();
        assertThat(blocking.echo(note)).isEqualTo(note);
        assertThat(blocking.echo(Note.getDefaultInstance())).isEqualTo(Note.getDefaultInstance());
    }

    @Test
    void clientStreamIsSummed() throws Exception {
        var sum = new CompletableFuture<Note>();
        StreamObserver<Note> notes = async.sum(first(sum));
        LongStream.rangeClosed(1, 100).forEach(n -> notes.onNext(number(n)));
        notes.onCompleted();
        assertThat(sum.get().getNumber()).isEqualTo(5050);
        var nothing = new CompletableFuture<Note>();
        async.sum(first(nothing)).onCompleted();
        assertThat(nothing.get().getNumber()).isZero();
    }

    @Test
    void serverStreamComesInOrderToTheEnd() {
        Iterator<Note> notes = blocking.count(number(2000));
        List<Long> seen = new ArrayList<>();
        notes.forEachRemaining(note -> seen.add(note.getNumber()));
        assertThat(seen).isEqualTo(LongStream.rangeClosed(1, 2000).boxed().toList());
        assertThat(blocking.count(number(0)).hasNext()).isFalse();
    }

    @Test
    void bothSidesOfAChatSeeEachNoteAtOnce() throws Exception {
        var heard = new LinkedBlockingQueue<Long>();
        var done = new CompletableFuture<Void>();
        StreamObserver<Note> notes = async.chat(new StreamObserver<>() {
            @Override
            public void onNext(Note note) {
                heard.add(note.getNumber());
            }

            @Override
            public void onError(Throwable failure) {
                done.completeExceptionally(failure);
            }

            @Override
            public void onCompleted() {
                done.complete(null);
            }
        });
        for (long n = 0; n < 50; n++) {
            notes.onNext(number(n));
            assertThat(heard.poll(30, TimeUnit.SECONDS)).isEqualTo(n);
        }
        // An empty message is a message.
        notes.onNext(Note.getDefaultInstance());
        assertThat(heard.poll(30, TimeUnit.SECONDS)).isZero();
        notes.onCompleted();
        done.get();
    }

    static StreamObserver<Note> first(CompletableFuture<Note> answer) {
        return new StreamObserver<>() {
            @Override
            public void onNext(Note note) {
                answer.complete(note);
            }

            @Override
            public void onError(Throwable failure) {
                answer.completeExceptionally(failure);
            }

            @Override
            public void onCompleted() {
                answer.completeExceptionally(new IllegalStateException("no answer"));
            }
        };
    }

    @Test
    void statusKeepsItsDetailsByteForByte() {
        Note request = Note.newBuilder()
                .setNumber(13)
                .setText("ESRCH: No such process\n\nStack backtrace:")
                .build();
        var failure = catchThrowableOfType(StatusRuntimeException.class, () -> blocking.fail(request));
        assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
        assertThat(failure.getStatus().getDescription()).isEqualTo(request.getText());
        com.google.rpc.Status whole = StatusProto.fromThrowable(failure);
        assertThat(whole)
                .isEqualTo(com.google.rpc.Status.newBuilder()
                        .setCode(13)
                        .setMessage(request.getText())
                        .addDetails(
                                Any.pack(Note.newBuilder().setText("the detail").build()))
                        .build());
    }

    @Test
    void metadataArrivesWithEveryValue() {
        Metadata headers = new Metadata();
        Metadata.Key<String> key = Metadata.Key.of("x-trace", Metadata.ASCII_STRING_MARSHALLER);
        headers.put(key, "one");
        headers.put(key, "two");
        headers.put(Metadata.Key.of("x-other", Metadata.ASCII_STRING_MARSHALLER), "");
        assertThat(blocking.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                        .metadata(number(0))
                        .getText())
                .isEqualTo("x-other=\nx-trace=one\nx-trace=two");
    }

    @Test
    void deadlineEndsTheCallAtBothEndsAndTheConnectionLives() {
        assertThatThrownBy(() ->
                        blocking.withDeadlineAfter(50, TimeUnit.MILLISECONDS).sleep(number(60_000)))
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
        assertThatThrownBy(() ->
                        blocking.withDeadlineAfter(-1, TimeUnit.MILLISECONDS).sleep(number(0)))
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
        assertThat(blocking.withDeadlineAfter(10_000, TimeUnit.SECONDS).echo(number(1)))
                .isEqualTo(number(1));
        assertThat(channel.openStreams()).isZero();
    }

    @Test
    void deadlineOfTheContextCounts() throws Exception {
        try (var timer = Executors.newSingleThreadScheduledExecutor();
                var context = Context.current().withDeadline(Deadline.after(50, TimeUnit.MILLISECONDS), timer)) {
            assertThatThrownBy(() -> context.call(() -> blocking.sleep(number(60_000))))
                    .satisfies(e -> assertThat(codeOf(e)).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
        }
    }

    @Test
    void messagesUpToTheLimitPassAndLongerOnesFailAlone() {
        int most = FrameHeader.MAX_DATA_BYTES - 100;
        assertThat(blocking.blob(number(most)).getBlob().size()).isEqualTo(most);
        Note large =
                Note.newBuilder().setBlob(ByteString.copyFrom(new byte[most])).build();
        assertThat(blocking.echo(large)).isEqualTo(large);
        assertThatThrownBy(() -> blocking.blob(number(FrameHeader.MAX_DATA_BYTES)))
                .hasMessageContaining("the answer of peerpod.playground.Playground/Blob has")
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(Status.Code.RESOURCE_EXHAUSTED));
        Note tooLarge = Note.newBuilder()
                .setBlob(ByteString.copyFrom(new byte[FrameHeader.MAX_DATA_BYTES]))
                .build();
        assertThatThrownBy(() -> blocking.echo(tooLarge))
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(Status.Code.RESOURCE_EXHAUSTED));
        assertThat(blocking.echo(number(2))).isEqualTo(number(2));
    }

    @Test
    void pendingCallsFailAtOnceWhenTheServerGoes() {
        try (var callers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Note>> calls = IntStream.range(0, 20)
                    .mapToObj(i -> callers.submit(() -> blocking.sleep(number(600_000))))
                    .toList();
            while (server.openStreams() < 20) {
                Thread.onSpinWait();
            }
            server.close();
            for (Future<Note> call : calls) {
                assertThatThrownBy(call::get)
                        .cause()
                        .satisfies(e -> assertThat(Status.fromThrowable(e).getDescription())
                                .isEqualTo("ttrpc: closed"));
            }
        }
        assertThat(channel.isOpen()).isFalse();
        assertThatThrownBy(() -> blocking.echo(number(1))).hasMessage("UNAVAILABLE: ttrpc: closed");
    }

    @Test
    void sixtyFourCallersShareAConnection() throws Exception {
        try (var callers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Boolean>> calls = IntStream.range(0, 64)
                    .mapToObj(caller -> callers.submit(() -> {
                        for (int i = 0; i < 200; i++) {
                            Note note = number(caller * 1000L + i);
                            if (!blocking.echo(note).equals(note)) {
                                return false;
                            }
                        }
                        return true;
                    }))
                    .toList();
            for (Future<Boolean> call : calls) {
                assertThat(call.get()).isTrue();
            }
        }
    }

    @Test
    void interruptedCallerDoesNotBreakTheConnection() throws Exception {
        Thread caller = Thread.ofPlatform().start(() -> {
            Thread.currentThread().interrupt();
            try {
                blocking.echo(number(1));
            } catch (StatusRuntimeException e) {
                // Its own call may fail.
            }
        });
        caller.join();
        assertThat(blocking.echo(number(2))).isEqualTo(number(2));
    }
}
