// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.protobuf.ByteString;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.peerpod.ttrpc.playground.Note;
import io.peerpod.ttrpc.playground.PlaygroundGrpc;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** The same cases against the Go and the Rust implementation, in both directions; see tests/interop. */
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class InteropIT {
    private static final List<String> CLIENT_CASES = List.of(
            "unary",
            "statusWithDetails",
            "unknownMethod",
            "unknownService",
            "deadline",
            "farDeadline",
            "metadata",
            "largeMessage",
            "oversizedResponse",
            "oversizedRequest",
            "idsOutOfOrder",
            "sixtyFourCallers",
            "clientStream",
            "serverStream",
            "chat");

    @TempDir
    Path folder;

    @TestFactory
    Stream<DynamicTest> goClientAgainstOurServer() throws Exception {
        return clientCases(ForeignProgram.go());
    }

    @TestFactory
    Stream<DynamicTest> rustClientAgainstOurServer() throws Exception {
        return clientCases(ForeignProgram.rust());
    }

    @TestFactory
    Stream<DynamicTest> ourClientAgainstGoServer() throws Exception {
        return serverCases(ForeignProgram.go());
    }

    @TestFactory
    Stream<DynamicTest> ourClientAgainstRustServer() throws Exception {
        return serverCases(ForeignProgram.rust());
    }

    private Stream<DynamicTest> clientCases(ForeignProgram program) throws Exception {
        Path socket = folder.resolve("s");
        try (TtrpcServer _ =
                TtrpcServer.builder().addService(PlaygroundService.definition()).listen(socket)) {
            List<String> lines = program.runClient(socket);
            return CLIENT_CASES.stream()
                    .map(name -> dynamicTest(name, () -> assertThat(lines).contains("ok " + name)));
        }
    }

    private Stream<DynamicTest> serverCases(ForeignProgram program) throws Exception {
        Path socket = folder.resolve("s");
        Map<String, Throwable> failures = new LinkedHashMap<>();
        List<DynamicTest> tests = new ArrayList<>();
        try (var serving = program.serve(socket)) {
            assertThat(serving.process().isAlive()).isTrue();
            for (Map.Entry<String, Case> each : CASES.entrySet()) {
                try (TtrpcChannel channel = TtrpcChannel.connect(socket)) {
                    each.getValue().run(channel);
                } catch (Throwable e) {
                    failures.put(each.getKey(), e);
                }
                Executable result = () -> {
                    if (failures.containsKey(each.getKey())) {
                        throw failures.get(each.getKey());
                    }
                };
                tests.add(dynamicTest(each.getKey(), result));
            }
        }
        return tests.stream();
    }

    private interface Case {
        void run(TtrpcChannel channel) throws Exception;
    }

    private static final Map<String, Case> CASES = new LinkedHashMap<>();

    static {
        CASES.put("unary", InteropIT::unary);
        CASES.put("statusWithDetails", InteropIT::statusWithDetails);
        CASES.put("unknownMethodAndService", InteropIT::unknownMethodAndService);
        CASES.put("deadline", InteropIT::deadline);
        CASES.put("metadata", InteropIT::metadata);
        CASES.put("largeMessage", InteropIT::largeMessage);
        CASES.put("oversizedRequest", InteropIT::oversizedRequest);
        CASES.put("oversizedResponse", InteropIT::oversizedResponse);
        CASES.put("sixtyFourCallers", InteropIT::sixtyFourCallers);
        CASES.put("clientStream", InteropIT::clientStream);
        CASES.put("serverStream", InteropIT::serverStream);
        CASES.put("chat", InteropIT::chat);
        CASES.put("streamToUnknownMethod", InteropIT::streamToUnknownMethod);
    }

    private static PlaygroundGrpc.PlaygroundBlockingStub stub(TtrpcChannel channel) {
        return PlaygroundGrpc.newBlockingStub(channel);
    }

    private static Note number(long number) {
        return Note.newBuilder().setNumber(number).build();
    }

    private static Status.Code code(Throwable failure) {
        return Status.fromThrowable(failure).getCode();
    }

    private static void unary(TtrpcChannel channel) {
        Note note = Note.newBuilder()
                .setText("h\u00e9")
                .setNumber(-5)
                .setBlob(ByteString.copyFrom(new byte[] {0, -1}))
                .build();
        assertThat(stub(channel).echo(note)).isEqualTo(note);
        assertThat(stub(channel).echo(number(0))).isEqualTo(number(0));
    }

    private static void statusWithDetails(TtrpcChannel channel) throws Exception {
        Note request = Note.newBuilder()
                .setNumber(13)
                .setText("ESRCH: No such process")
                .build();
        var failure = catchThrowableOfType(
                StatusRuntimeException.class, () -> stub(channel).fail(request));
        com.google.rpc.Status whole = StatusProto.fromThrowable(failure);
        assertThat(whole).isNotNull();
        assertThat(whole.getCode()).isEqualTo(13);
        assertThat(whole.getMessage()).isEqualTo(request.getText());
        assertThat(whole.getDetailsCount()).isEqualTo(1);
        assertThat(whole.getDetails(0).unpack(Note.class))
                .isEqualTo(Note.newBuilder().setText("the detail").build());
    }

    private static void unknownMethodAndService(TtrpcChannel channel) {
        assertThatThrownBy(() -> call(channel, PlaygroundGrpc.SERVICE_NAME + "/Nothing"))
                .satisfies(e -> assertThat(code(e)).isEqualTo(Status.Code.UNIMPLEMENTED));
        // The Rust server says INVALID_ARGUMENT here.
        assertThatThrownBy(() -> call(channel, "no.such.Service/Echo"))
                .satisfies(e -> assertThat(code(e)).isIn(Status.Code.UNIMPLEMENTED, Status.Code.INVALID_ARGUMENT));
        unary(channel);
    }

    private static MethodDescriptor<Note, Note> named(MethodDescriptor<Note, Note> like, String name) {
        return like.toBuilder().setFullMethodName(name).build();
    }

    private static Note call(TtrpcChannel channel, String name) {
        var method = named(PlaygroundGrpc.getEchoMethod(), name);
        return ClientCalls.blockingUnaryCall(channel, method, io.grpc.CallOptions.DEFAULT, number(1));
    }

    private static void deadline(TtrpcChannel channel) {
        assertThatThrownBy(() -> stub(channel)
                        .withDeadlineAfter(50, TimeUnit.MILLISECONDS)
                        .sleep(number(30_000)))
                .satisfies(e -> assertThat(code(e)).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
        assertThat(stub(channel).withDeadlineAfter(10_000, TimeUnit.SECONDS).echo(number(1)))
                .isEqualTo(number(1));
    }

    private static void metadata(TtrpcChannel channel) {
        Metadata headers = new Metadata();
        Metadata.Key<String> key = Metadata.Key.of("x-trace", Metadata.ASCII_STRING_MARSHALLER);
        headers.put(key, "one");
        headers.put(key, "two");
        headers.put(Metadata.Key.of("x-other", Metadata.ASCII_STRING_MARSHALLER), "");
        assertThat(stub(channel)
                        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                        .metadata(number(0))
                        .getText())
                .isEqualTo("x-other=\nx-trace=one\nx-trace=two");
    }

    private static void largeMessage(TtrpcChannel channel) {
        Note note = Note.newBuilder()
                .setBlob(ByteString.copyFrom(new byte[FrameHeader.MAX_DATA_BYTES - 200]))
                .build();
        assertThat(stub(channel).echo(note)).isEqualTo(note);
    }

    private static void oversizedRequest(TtrpcChannel channel) {
        Note note = Note.newBuilder()
                .setBlob(ByteString.copyFrom(new byte[FrameHeader.MAX_DATA_BYTES]))
                .build();
        assertThatThrownBy(() -> stub(channel).echo(note))
                .satisfies(e -> assertThat(code(e)).isEqualTo(Status.Code.RESOURCE_EXHAUSTED));
        unary(channel);
    }

    /** The Rust server answers an error, the Go server closes the connection: the call fails at once in both cases. */
    private static void oversizedResponse(TtrpcChannel channel) {
        assertThatThrownBy(() -> stub(channel).blob(number(FrameHeader.MAX_DATA_BYTES)))
                .isInstanceOf(StatusRuntimeException.class);
    }

    private static void sixtyFourCallers(TtrpcChannel channel) throws Exception {
        try (var callers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<List<Note>>> calls = IntStream.range(0, 64)
                    .mapToObj(caller -> callers.submit(() -> LongStream.range(0, 50)
                            .mapToObj(i -> stub(channel).echo(number(caller * 1000L + i)))
                            .toList()))
                    .toList();
            for (int caller = 0; caller < calls.size(); caller++) {
                long base = caller * 1000L;
                assertThat(calls.get(caller).get())
                        .isEqualTo(LongStream.range(0, 50)
                                .mapToObj(i -> number(base + i))
                                .toList());
            }
        }
    }

    private static void clientStream(TtrpcChannel channel) throws Exception {
        var sum = new CompletableFuture<Note>();
        StreamObserver<Note> notes = PlaygroundGrpc.newStub(channel).sum(StubsIT.first(sum));
        LongStream.rangeClosed(1, 100).forEach(n -> notes.onNext(number(n)));
        notes.onCompleted();
        assertThat(sum.get(30, TimeUnit.SECONDS)).isEqualTo(number(5050));
    }

    private static void serverStream(TtrpcChannel channel) {
        List<Long> seen = new ArrayList<>();
        stub(channel).count(number(500)).forEachRemaining(note -> seen.add(note.getNumber()));
        assertThat(seen).isEqualTo(LongStream.rangeClosed(1, 500).boxed().toList());
    }

    private static void chat(TtrpcChannel channel) throws Exception {
        var heard = new LinkedBlockingQueue<Note>();
        var end = new CompletableFuture<Note>();
        StreamObserver<Note> notes = PlaygroundGrpc.newStub(channel).chat(new StreamObserver<>() {
            @Override
            public void onNext(Note note) {
                heard.add(note);
            }

            @Override
            public void onError(Throwable failure) {
                end.completeExceptionally(failure);
            }

            @Override
            public void onCompleted() {
                end.complete(number(0));
            }
        });
        for (long n = 0; n < 50; n++) {
            notes.onNext(number(n));
            assertThat(heard.poll(30, TimeUnit.SECONDS)).isEqualTo(number(n));
        }
        notes.onCompleted();
        end.get(30, TimeUnit.SECONDS);
        assertThat(heard).isEmpty();
    }

    private static void streamToUnknownMethod(TtrpcChannel channel) {
        var method = named(PlaygroundGrpc.getCountMethod(), PlaygroundGrpc.SERVICE_NAME + "/Nothing");
        var answers = ClientCalls.blockingServerStreamingCall(channel, method, io.grpc.CallOptions.DEFAULT, number(1));
        assertThatThrownBy(answers::hasNext).satisfies(e -> assertThat(code(e)).isEqualTo(Status.Code.UNIMPLEMENTED));
    }
}
