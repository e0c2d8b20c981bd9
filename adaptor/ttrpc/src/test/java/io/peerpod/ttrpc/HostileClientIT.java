// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.peerpod.ttrpc.playground.Note;
import io.peerpod.ttrpc.wire.KeyValue;
import io.peerpod.ttrpc.wire.Request;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a hostile or broken client sends: it is answered on its stream, and nobody else notices. */
@Timeout(60)
class HostileClientIT {
    private static final int INVALID_ARGUMENT = Status.Code.INVALID_ARGUMENT.value();
    private static final int RESOURCE_EXHAUSTED = Status.Code.RESOURCE_EXHAUSTED.value();
    private static final int REQUEST = FrameHeader.TYPE_REQUEST;
    private static final int DATA = FrameHeader.TYPE_DATA;

    @TempDir
    Path folder;

    private Path socket;
    private TtrpcServer server;
    private RawPeer peer;

    @BeforeEach
    void start() throws Exception {
        socket = folder.resolve("s");
        restart(TtrpcLimits.DEFAULT);
    }

    private void restart(TtrpcLimits limits) throws Exception {
        if (server != null) {
            stop();
        }
        server = TtrpcServer.builder()
                .addService(PlaygroundService.definition())
                .limits(limits)
                .listen(socket);
        peer = RawPeer.connect(socket);
    }

    @AfterEach
    void stop() throws Exception {
        peer.close();
        server.close();
    }

    private static Note number(long number) {
        return Note.newBuilder().setNumber(number).build();
    }

    /** The connection still answers. */
    private void lives(int id) throws Exception {
        peer.request(id, 0, "Echo", number(id));
        assertThat(Note.parseFrom(peer.response(id).getPayload())).isEqualTo(number(id));
    }

    @Test
    void evenAndReusedIdsAreRefusedOnTheirStream() throws Exception {
        lives(1);
        for (int id : new int[] {2, 0, 1}) {
            peer.request(id, 0, "Echo", number(1));
            assertThat(peer.status(id).getCode()).isEqualTo(INVALID_ARGUMENT);
        }
        lives(7);
        lives(3);
        peer.request(3, 0, "Echo", number(1));
        assertThat(peer.status(3).getCode()).isEqualTo(INVALID_ARGUMENT);
        lives(5);
    }

    @Test
    void oversizedRequestIsDrainedAndAnsweredOnItsStream() throws Exception {
        peer.frame(1, REQUEST, 0, ByteString.copyFrom(new byte[FrameHeader.MAX_DATA_BYTES + 1]));
        com.google.rpc.Status status = peer.status(1);
        assertThat(status.getCode()).isEqualTo(RESOURCE_EXHAUSTED);
        assertThat(status.getMessage()).contains("4194305").contains("4194304");
        lives(3);
    }

    @Test
    void oversizedDataFrameFailsItsStreamAlone() throws Exception {
        peer.request(1, FrameHeader.FLAG_REMOTE_OPEN, "Chat", number(0));
        peer.frame(1, DATA, 0, ByteString.copyFrom(new byte[FrameHeader.MAX_DATA_BYTES + 1]));
        assertThat(peer.status(1).getCode()).isEqualTo(RESOURCE_EXHAUSTED);
        lives(3);
    }

    @Test
    void requestsThatCannotBeDecodedAreRefusedOnTheirStream() throws Exception {
        List<ByteString> garbage = List.of(
                ByteString.copyFrom(new byte[] {-1, -1, -1}),
                ByteString.copyFrom(new byte[] {10, 127, 1}),
                ByteString.copyFrom(new byte[] {10, 2, (byte) 0xC3, 0x28}),
                ByteString.copyFrom(new byte[] {0}));
        int id = 1;
        for (ByteString data : garbage) {
            peer.frame(id, REQUEST, 0, data);
            assertThat(peer.status(id).getCode()).as("%s", data).isEqualTo(INVALID_ARGUMENT);
            id += 2;
        }
        lives(id);
    }

    @Test
    void randomBytesAsRequestsNeverBreakTheConnection() throws Exception {
        Random random = new Random(11);
        for (int i = 0; i < 500; i++) {
            byte[] data = new byte[random.nextInt(60)];
            random.nextBytes(data);
            peer.frame(2 * i + 1, REQUEST, random.nextInt(256), ByteString.copyFrom(data));
            assertThat(peer.status(2 * i + 1).getCode()).isNotZero();
        }
        lives(2001);
    }

    @Test
    void messagesThatCannotBeDecodedAreRefused() throws Exception {
        ByteString nested = ByteString.EMPTY;
        for (int depth = 0; depth < 5000; depth++) {
            nested = Note.newBuilder().build().toByteString().concat(field4(nested));
        }
        Request.Builder request = RawPeer.envelope("Echo", number(1));
        peer.frame(1, REQUEST, 0, request.setPayload(nested).build());
        assertThat(peer.status(1).getCode()).isEqualTo(INVALID_ARGUMENT);
        // A number where the text belongs is an unknown field, a text cut short is an error.
        peer.frame(
                3,
                REQUEST,
                0,
                request.setPayload(ByteString.copyFrom(new byte[] {10, 9, 65})).build());
        assertThat(peer.status(3).getCode()).isEqualTo(INVALID_ARGUMENT);
        lives(5);
    }

    private static ByteString field4(ByteString inner) {
        ByteBuffer header = ByteBuffer.allocate(6).put((byte) ((4 << 3) | 2));
        int length = inner.size();
        while (length > 127) {
            header.put((byte) ((length & 127) | 128));
            length >>>= 7;
        }
        header.put((byte) length).flip();
        return ByteString.copyFrom(header).concat(inner);
    }

    @Test
    void metadataBombIsRefused() throws Exception {
        Request.Builder request = RawPeer.envelope("Echo", number(1));
        KeyValue pair = KeyValue.getDefaultInstance();
        for (int i = 0; i < 2_000_000; i++) {
            request.addMetadata(pair);
        }
        peer.frame(1, REQUEST, 0, request.build());
        com.google.rpc.Status status = peer.status(1);
        assertThat(status.getCode()).isEqualTo(INVALID_ARGUMENT);
        assertThat(status.getMessage()).contains("maxMetadataPairs");
        lives(3);
    }

    @Test
    void metadataThatGrpcCannotHoldIsLeftOut() throws Exception {
        Request.Builder request = RawPeer.envelope("Metadata", number(1));
        for (String key : List.of("", "with space", "x-good", "UPPER", "x-bad-bin", ":colon", "\u00e9")) {
            request.addMetadata(KeyValue.newBuilder().setKey(key).setValue("!"));
        }
        peer.frame(1, REQUEST, 0, request.build());
        assertThat(Note.parseFrom(peer.response(1).getPayload()).getText()).isEqualTo("x-good=!");
    }

    @Test
    void dataFrameOnAnUnknownOrUnaryStreamIsDropped() throws Exception {
        peer.frame(1, DATA, 0, number(1));
        peer.frame(2, DATA, 1, number(1));
        lives(1);
        peer.request(3, 0, "Sleep", number(100));
        peer.frame(3, DATA, 0, number(1));
        peer.frame(3, DATA, 0x5, ByteString.EMPTY);
        assertThat(Note.parseFrom(peer.response(3).getPayload())).isEqualTo(number(100));
        peer.frame(3, DATA, 0, number(1));
        lives(5);
    }

    @Test
    void requestThatHoldsAUnaryMethodOpenIsRefused() throws Exception {
        peer.request(1, FrameHeader.FLAG_REMOTE_OPEN, "Echo", number(1));
        assertThat(peer.status(1).getCode()).isEqualTo(INVALID_ARGUMENT);
        lives(3);
    }

    @Test
    void framesOfUnknownTypesAndStrayResponsesAreIgnored() throws Exception {
        for (int type : new int[] {0, FrameHeader.TYPE_RESPONSE, 4, 77, 255}) {
            peer.frame(1, type, 0xFF, number(1));
        }
        lives(1);
    }

    @Test
    void unknownServiceAndMethodAreUnimplemented() throws Exception {
        peer.frame(
                1,
                REQUEST,
                0,
                RawPeer.envelope("Echo", number(1)).setService("no.Such").build());
        assertThat(peer.status(1).getCode()).isEqualTo(Status.Code.UNIMPLEMENTED.value());
        peer.request(3, 0, "Nothing", number(1));
        assertThat(peer.status(3).getCode()).isEqualTo(Status.Code.UNIMPLEMENTED.value());
        // The one without a name, too.
        peer.frame(5, REQUEST, 0, ByteString.EMPTY);
        assertThat(peer.status(5).getCode()).isEqualTo(Status.Code.UNIMPLEMENTED.value());
    }

    @Test
    void strangeTimeoutsAreTolerated() throws Exception {
        int id = 1;
        for (long nanos : new long[] {10_000_000_000_000L, Long.MAX_VALUE, Long.MAX_VALUE - 1}) {
            peer.frame(
                    id,
                    REQUEST,
                    0,
                    RawPeer.envelope("Echo", number(id)).setTimeoutNano(nanos).build());
            assertThat(Note.parseFrom(peer.response(id).getPayload()))
                    .as("%d", nanos)
                    .isEqualTo(number(id));
            id += 2;
        }
        for (long nanos : new long[] {-1, Long.MIN_VALUE, 1}) {
            peer.frame(
                    id,
                    REQUEST,
                    0,
                    RawPeer.envelope("Sleep", number(10_000))
                            .setTimeoutNano(nanos)
                            .build());
            assertThat(peer.status(id).getCode()).as("%d", nanos).isEqualTo(Status.Code.DEADLINE_EXCEEDED.value());
            id += 2;
        }
        lives(id);
    }

    @Test
    void tooManyOpenStreamsAreRefusedOneByOne() throws Exception {
        restart(TtrpcLimits.DEFAULT.withMaxOpenStreams(3));
        for (int id = 1; id <= 7; id += 2) {
            peer.request(id, 0, "Sleep", number(60_000));
        }
        com.google.rpc.Status status = peer.status(7);
        assertThat(status.getCode()).isEqualTo(RESOURCE_EXHAUSTED);
        assertThat(status.getMessage()).contains("maxOpenStreams");
        assertThat(server.openStreams()).isEqualTo(3);
    }

    @Test
    void requestsThatHoldTooMuchMemoryAreRefused() throws Exception {
        restart(TtrpcLimits.DEFAULT.withMaxInFlightBytes(8 << 20));
        Note large = Note.newBuilder()
                .setNumber(60_000)
                .setBlob(ByteString.copyFrom(new byte[3 << 20]))
                .build();
        for (int id = 1; id <= 5; id += 2) {
            peer.request(id, 0, "Sleep", large);
        }
        assertThat(peer.status(5).getMessage()).contains("maxInFlightBytes");
        lives(7);
    }

    @Test
    void streamNotConsumedDoesNotBlockConnection() throws Exception {
        restart(TtrpcLimits.DEFAULT.withMaxQueuedMessages(16));
        // The first message keeps its handler busy, so the others pile up.
        peer.request(1, FrameHeader.FLAG_REMOTE_OPEN, "Chat", number(PlaygroundService.STALL));
        for (int i = 0; i < 100; i++) {
            peer.frame(1, DATA, 0, number(i));
        }
        com.google.rpc.Status status = peer.status(1);
        assertThat(status.getCode()).isEqualTo(RESOURCE_EXHAUSTED);
        assertThat(status.getMessage()).contains("maxQueuedMessages");
        lives(3);
    }

    @Test
    void peerThatNeverReadsHoldsUpNobodyElse() throws Exception {
        restart(TtrpcLimits.DEFAULT.withMaxInFlightBytes(4 << 20).withMaxOpenStreams(32));
        for (int id = 1; id < 200; id += 2) {
            peer.request(id, 0, "Blob", number(1 << 20));
        }
        try (RawPeer other = RawPeer.connect(socket)) {
            other.request(1, 0, "Echo", number(9));
            assertThat(Note.parseFrom(other.response(1).getPayload())).isEqualTo(number(9));
        }
        peer.close();
        while (server.openStreams() > 0) {
            Thread.sleep(5);
        }
    }

    @Test
    void peerThatSendsButNeverReadsIsCutOff() throws Exception {
        restart(new TtrpcLimits(4, 4, 1000, 1000, 4, 4, Duration.ZERO));
        assertThatThrownBy(() -> {
                    for (int id = 1; id < 2_000_000; id += 2) {
                        peer.request(id, 0, "Nothing", number(1));
                    }
                })
                .as("the connection is closed")
                .isInstanceOf(IOException.class);
    }

    @Test
    void tenThousandHalfOpenConnectionsStayWithinTheLimit() throws Exception {
        restart(TtrpcLimits.DEFAULT.withMaxConnections(50).withSilentGrace(Duration.ofHours(1)));
        lives(1);
        ArrayDeque<RawPeer> open = new ArrayDeque<>();
        try {
            for (int i = 0; i < 10_000; i++) {
                RawPeer halfOpen = RawPeer.connect(socket);
                open.add(halfOpen);
                if (open.size() > 300) {
                    open.removeFirst().close();
                }
                if (i % 1000 == 0) {
                    assertThat(server.connections()).isLessThanOrEqualTo(50);
                    lives(i + 3);
                }
            }
        } finally {
            for (RawPeer each : open) {
                each.close();
            }
        }
        while (server.connections() > 1) {
            Thread.sleep(5);
        }
        lives(20_001);
    }

    @Test
    void silentConnectionsGiveWayAfterTheirGrace() throws Exception {
        restart(TtrpcLimits.DEFAULT.withMaxConnections(3).withSilentGrace(Duration.ZERO));
        lives(1);
        try (RawPeer silent = RawPeer.connect(socket);
                RawPeer half = RawPeer.connect(socket)) {
            half.bytes(new byte[] {0, 64, 0, 0, 0, 0, 0, 1, 1});
            try (RawPeer newest = RawPeer.connect(socket)) {
                newest.request(1, 0, "Echo", number(4));
                assertThat(Note.parseFrom(newest.response(1).getPayload())).isEqualTo(number(4));
                assertThat(silent.isClosedByPeer()).isTrue();
            }
        }
        lives(3);
    }

    @Test
    void newestConnectionBeyondTheLimitIsClosed() throws Exception {
        restart(TtrpcLimits.DEFAULT.withMaxConnections(1));
        lives(1);
        try (RawPeer second = RawPeer.connect(socket)) {
            assertThat(second.isClosedByPeer()).isTrue();
        }
        lives(3);
    }
}
