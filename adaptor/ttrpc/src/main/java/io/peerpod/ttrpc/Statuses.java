// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** grpc-java's statuses from and to the google.rpc.Status of the wire, and from exceptions. */
final class Statuses {
    /** Where grpc-java keeps a whole google.rpc.Status, details included. */
    static final Metadata.Key<byte[]> DETAILS =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

    /** Pending calls end with this text when the connection is lost; some peers' callers compare it. */
    static final String CLOSED_TEXT = "ttrpc: closed";

    /** A status and the trailers that go with it. */
    record Outcome(Status status, Metadata trailers) {
        static Outcome of(Status status) {
            return new Outcome(status, new Metadata());
        }
    }

    private Statuses() {}

    static Status closed(@Nullable Throwable cause) {
        Status status = Status.UNAVAILABLE.withDescription(CLOSED_TEXT);
        return cause == null ? status : status.withCause(cause);
    }

    /** The bytes of a google.rpc.Status; those of the trailers unchanged where they say the same. */
    static ByteString encode(Status status, Metadata trailers) {
        byte[] whole = trailers.get(DETAILS);
        if (whole != null) {
            try {
                if (com.google.rpc.Status.parseFrom(whole).getCode()
                        == status.getCode().value()) {
                    return ByteString.copyFrom(whole);
                }
            } catch (InvalidProtocolBufferException e) {
                // Somebody's trailer of the same name; what the status says is enough.
            }
        }
        String text = status.getDescription();
        return com.google.rpc.Status.newBuilder()
                .setCode(status.getCode().value())
                .setMessage(text == null ? "" : text)
                .build()
                .toByteString();
    }

    /** What a response's status means; the trailers of a failure hold its bytes as they came. */
    static Outcome decode(ByteString bytes) throws InvalidProtocolBufferException {
        com.google.rpc.Status wire = com.google.rpc.Status.parseFrom(bytes);
        if (wire.getCode() == 0) {
            return Outcome.of(Status.OK);
        }
        boolean known = wire.getCode() > 0 && wire.getCode() < Status.Code.values().length;
        Status status =
                (known ? Status.fromCodeValue(wire.getCode()) : Status.UNKNOWN).withDescription(wire.getMessage());
        Metadata trailers = new Metadata();
        trailers.put(DETAILS, bytes.toByteArray());
        return new Outcome(status, trailers);
    }

    /** What a caller is told about a handler's exception: a status that it carries, else its kind and its text, never its stack. */
    static Outcome of(Throwable failure) {
        return switch (failure) {
            case StatusRuntimeException e -> new Outcome(e.getStatus(), orEmpty(e.getTrailers()));
            case StatusException e -> new Outcome(e.getStatus(), orEmpty(e.getTrailers()));
            case UncheckedIOException e when e.getCause() != null -> of(e.getCause());
            case FileAlreadyExistsException e -> Outcome.of(Status.ALREADY_EXISTS.withDescription(text(e)));
            case NoSuchFileException e -> Outcome.of(Status.NOT_FOUND.withDescription(text(e)));
            case AccessDeniedException e -> Outcome.of(Status.PERMISSION_DENIED.withDescription(text(e)));
            case CancellationException e -> Outcome.of(Status.CANCELLED.withDescription(text(e)));
            case TimeoutException e -> Outcome.of(Status.DEADLINE_EXCEEDED.withDescription(text(e)));
            default -> Outcome.of(Status.UNKNOWN.withDescription(text(failure)));
        };
    }

    /** The same for a status that a handler gave: grpc-java's {@code onError} keeps an exception only as the cause of UNKNOWN. */
    static Outcome of(Status status, Metadata trailers) {
        Throwable cause = status.getCause();
        return status.getDescription() == null && status.getCode() == Status.Code.UNKNOWN && cause != null
                ? of(cause)
                : new Outcome(status, trailers);
    }

    private static Metadata orEmpty(@Nullable Metadata trailers) {
        return trailers == null ? new Metadata() : trailers;
    }

    private static String text(Throwable failure) {
        String text = failure.getMessage();
        return text == null || text.isEmpty() ? failure.getClass().getSimpleName() : text;
    }
}
