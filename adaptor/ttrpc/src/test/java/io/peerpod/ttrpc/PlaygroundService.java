// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import io.peerpod.ttrpc.playground.Note;
import io.peerpod.ttrpc.playground.PlaygroundGrpc;
import java.util.ArrayList;
import java.util.List;

/** The playground as a handler would write it: blocking code over generated stubs. */
final class PlaygroundService extends PlaygroundGrpc.PlaygroundImplBase {
    /** A note with this number keeps the handler of Chat busy until its call ends. */
    static final long STALL = -1;

    static final Context.Key<Metadata> HEADERS = Context.key("headers");

    /** The service with an interceptor that lets handlers see the metadata. */
    static ServerServiceDefinition definition() {
        return ServerInterceptors.intercept(new PlaygroundService(), new ServerInterceptor() {
            @Override
            public <Q, A> ServerCall.Listener<Q> interceptCall(
                    ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
                return Contexts.interceptCall(Context.current().withValue(HEADERS, headers), call, headers, next);
            }
        });
    }

    @Override
    public void echo(Note request, StreamObserver<Note> answers) {
        answers.onNext(request);
        answers.onCompleted();
    }

    @Override
    public void sleep(Note request, StreamObserver<Note> answers) {
        try {
            Thread.sleep(request.getNumber());
        } catch (InterruptedException e) {
            answers.onError(Status.CANCELLED.withDescription("woken early").asRuntimeException());
            return;
        }
        echo(request, answers);
    }

    @Override
    public void fail(Note request, StreamObserver<Note> answers) {
        answers.onError(StatusProto.toStatusRuntimeException(com.google.rpc.Status.newBuilder()
                .setCode((int) request.getNumber())
                .setMessage(request.getText())
                .addDetails(Any.pack(Note.newBuilder().setText("the detail").build()))
                .build()));
    }

    @Override
    public void blob(Note request, StreamObserver<Note> answers) {
        answers.onNext(Note.newBuilder()
                .setBlob(ByteString.copyFrom(new byte[(int) request.getNumber()]))
                .build());
        answers.onCompleted();
    }

    @Override
    public void metadata(Note request, StreamObserver<Note> answers) {
        Metadata headers = HEADERS.get();
        List<String> lines = new ArrayList<>();
        for (String key : headers.keys()) {
            if (key.startsWith("x-")) {
                headers.getAll(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER))
                        .forEach(value -> lines.add(key + "=" + value));
            }
        }
        lines.sort(null);
        answers.onNext(Note.newBuilder().setText(String.join("\n", lines)).build());
        answers.onCompleted();
    }

    @Override
    public StreamObserver<Note> sum(StreamObserver<Note> answers) {
        return new StreamObserver<>() {
            private long sum;

            @Override
            public void onNext(Note note) {
                sum += note.getNumber();
            }

            @Override
            public void onError(Throwable failure) {}

            @Override
            public void onCompleted() {
                answers.onNext(Note.newBuilder().setNumber(sum).build());
                answers.onCompleted();
            }
        };
    }

    @Override
    public void count(Note request, StreamObserver<Note> answers) {
        for (long number = 1; number <= request.getNumber(); number++) {
            answers.onNext(Note.newBuilder().setNumber(number).build());
        }
        answers.onCompleted();
    }

    @Override
    public StreamObserver<Note> chat(StreamObserver<Note> answers) {
        return new StreamObserver<>() {
            @Override
            public void onNext(Note note) {
                if (note.getNumber() == STALL) {
                    stall();
                }
                answers.onNext(note);
            }

            @Override
            public void onError(Throwable failure) {}

            @Override
            public void onCompleted() {
                answers.onCompleted();
            }
        };
    }

    private static void stall() {
        try {
            Thread.sleep(Long.MAX_VALUE);
        } catch (InterruptedException e) {
            throw Status.CANCELLED.withDescription("woken early").asRuntimeException();
        }
    }
}
