// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.HexFormat;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class StatusesTest {
    private static void mapped(Throwable failure, Status.Code code, String text) {
        Status status = Statuses.of(failure).status();
        assertThat(status.getCode()).isEqualTo(code);
        assertThat(status.getDescription()).isEqualTo(text);
        // What a handler passes to onError arrives as the cause of a bare UNKNOWN.
        Status observed =
                Statuses.of(Status.fromThrowable(failure), new Metadata()).status();
        assertThat(observed.getCode()).isEqualTo(code);
        assertThat(observed.getDescription()).isEqualTo(text);
    }

    @Test
    void exceptionsWithoutAStatusAreMappedByKind() {
        mapped(new IllegalStateException("the sandbox is gone"), Status.Code.UNKNOWN, "the sandbox is gone");
        mapped(new IllegalStateException(), Status.Code.UNKNOWN, "IllegalStateException");
        mapped(new FileAlreadyExistsException("/x"), Status.Code.ALREADY_EXISTS, "/x");
        mapped(new NoSuchFileException("/x"), Status.Code.NOT_FOUND, "/x");
        mapped(new AccessDeniedException("/x"), Status.Code.PERMISSION_DENIED, "/x");
        mapped(new UncheckedIOException(new NoSuchFileException("/x")), Status.Code.NOT_FOUND, "/x");
        mapped(new CancellationException("over"), Status.Code.CANCELLED, "over");
        mapped(new TimeoutException("late"), Status.Code.DEADLINE_EXCEEDED, "late");
        mapped(Status.ABORTED.withDescription("no").asRuntimeException(), Status.Code.ABORTED, "no");
        mapped(Status.ABORTED.withDescription("no").asException(), Status.Code.ABORTED, "no");
    }

    @Test
    void detailsAndUnknownFieldsPassByteForByte() throws Exception {
        // Field order, an unknown field 9 and a detail: nothing that decoding and encoding again would keep in place.
        byte[] odd = HexFormat.of().parseHex("4a0101" + "12016e" + "1a030a0178" + "080d");
        Statuses.Outcome outcome = Statuses.decode(ByteString.copyFrom(odd));
        assertThat(outcome.status().getCode()).isEqualTo(Status.Code.INTERNAL);
        assertThat(Statuses.encode(outcome.status(), outcome.trailers()).toByteArray())
                .isEqualTo(odd);
    }

    @Test
    void detailsOfGrpcJavaReachTheWire() throws Exception {
        com.google.rpc.Status whole = com.google.rpc.Status.newBuilder()
                .setCode(5)
                .setMessage("m")
                .addDetails(Any.newBuilder().setTypeUrl("t"))
                .build();
        Statuses.Outcome outcome = Statuses.of(StatusProto.toStatusRuntimeException(whole));
        assertThat(com.google.rpc.Status.parseFrom(Statuses.encode(outcome.status(), outcome.trailers())))
                .isEqualTo(whole);
    }

    @Test
    void successIsAnAbsentStatusOrCodeZero() throws Exception {
        assertThat(Statuses.decode(ByteString.EMPTY).status().isOk()).isTrue();
        assertThat(Statuses.decode(ByteString.copyFrom(new byte[] {8, 0}))
                        .status()
                        .isOk())
                .isTrue();
    }

    @Test
    void codesThatGrpcDoesNotKnowKeepTheirText() throws Exception {
        var wire =
                com.google.rpc.Status.newBuilder().setCode(99).setMessage("odd").build();
        Status status = Statuses.decode(wire.toByteString()).status();
        assertThat(status.getCode()).isEqualTo(Status.Code.UNKNOWN);
        assertThat(status.getDescription()).isEqualTo("odd");
    }

    @Test
    void trailersThatContradictTheStatusDoNotTurnAFailureIntoSuccess() throws Exception {
        Metadata trailers = new Metadata();
        trailers.put(Statuses.DETAILS, new byte[0]);
        ByteString encoded = Statuses.encode(Status.INTERNAL.withDescription("x"), trailers);
        assertThat(com.google.rpc.Status.parseFrom(encoded).getCode()).isEqualTo(13);
        trailers.put(Statuses.DETAILS, new byte[] {-1, -1});
        assertThat(com.google.rpc.Status.parseFrom(Statuses.encode(Status.INTERNAL, trailers))
                        .getCode())
                .isEqualTo(13);
    }
}
