// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.sun.management.ThreadMXBean;
import io.grpc.Metadata;
import io.grpc.Status;
import io.peerpod.ttrpc.wire.KeyValue;
import io.peerpod.ttrpc.wire.Request;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;

/** Frames as bytes, whole and torn. */
class FrameTest {
    private static final HexFormat HEX = HexFormat.of();

    /** A peer that sends these bytes in pieces of the given lengths, then closes. */
    private static final class Torn implements ReadableByteChannel {
        private final ByteBuffer bytes;
        private final IntSupplier pieces;

        Torn(byte[] bytes, IntSupplier pieces) {
            this.bytes = ByteBuffer.wrap(bytes);
            this.pieces = pieces;
        }

        @Override
        public int read(ByteBuffer target) {
            if (!bytes.hasRemaining()) {
                return -1;
            }
            int count = Math.min(Math.min(pieces.getAsInt(), bytes.remaining()), target.remaining());
            target.put(bytes.slice(bytes.position(), count));
            bytes.position(bytes.position() + count);
            return count;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }

    private static FrameReader reader(byte[] bytes) {
        return new FrameReader(new Torn(bytes, () -> Integer.MAX_VALUE), FrameHeader.MAX_DATA_BYTES);
    }

    @Test
    void headerIsTenBytesBigEndian() {
        ByteBuffer bytes = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN);
        new FrameHeader(0x00123456, 0xFEDCBA98, 3, 5).write(bytes);
        assertThat(HEX.formatHex(bytes.array())).isEqualTo("00123456" + "fedcba98" + "03" + "05");
        assertThat(bytes.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
        assertThat(FrameHeader.read(bytes.flip())).isEqualTo(new FrameHeader(0x00123456, 0xFEDCBA98, 3, 5));
    }

    @Test
    void requestFrameHasItsFieldsInOrder() {
        Request request = Request.newBuilder()
                .setService("a.B")
                .setMethod("C")
                .setPayload(ByteString.copyFromUtf8("xyz"))
                .setTimeoutNano(10_000_000_000_000L)
                .addMetadata(KeyValue.newBuilder().setKey("k").setValue("v"))
                .build();
        assertThat(HEX.formatHex(Envelopes.frame(1, FrameHeader.TYPE_REQUEST, 0, request)))
                .isEqualTo("0000001d" + "00000001" + "01" + "00" // header
                        + "0a03612e42" + "120143" + "1a0378797a" + "2080c0caf384a302" + "2a060a016b120176");
    }

    @Test
    void responseFrameHasNoStatusOnSuccess() {
        assertThat(HEX.formatHex(ServerConnection.response(5, ByteString.EMPTY, ByteString.copyFromUtf8("x"))))
                .isEqualTo("00000003" + "00000005" + "02" + "00" + "120178");
        ByteString notFound = Statuses.encode(Status.NOT_FOUND.withDescription("n"), new Metadata());
        assertThat(HEX.formatHex(ServerConnection.response(7, notFound, ByteString.EMPTY)))
                .isEqualTo("00000007" + "00000007" + "02" + "00" + "0a05" + "0805" + "12016e");
    }

    /** Frames of all sizes around the buffer's, each with a recognisable content. */
    private static List<Frame.Whole> samples(Random random) {
        List<Frame.Whole> frames = new ArrayList<>();
        for (int length : new int[] {0, 1, 9, 10, 11, 4085, 4086, 4087, 5000, 0, 65_535, 65_536, 65_537, 200_000, 3}) {
            byte[] data = new byte[length];
            random.nextBytes(data);
            frames.add(new Frame.Whole(
                    new FrameHeader(length, random.nextInt(), 1 + random.nextInt(3), random.nextInt(8)),
                    ByteString.copyFrom(data)));
        }
        return frames;
    }

    private static byte[] bytes(List<? extends Frame.Whole> frames) {
        var all = new ByteArrayOutputStream();
        for (Frame.Whole frame : frames) {
            FrameHeader header = frame.header();
            all.writeBytes(Envelopes.frame(header.streamId(), header.type(), header.flags(), frame.data()));
        }
        return all.toByteArray();
    }

    @Test
    void framesTornIntoSingleBytesComeOutWhole() throws IOException {
        List<Frame.Whole> frames = samples(new Random(1));
        var reader = new FrameReader(new Torn(bytes(frames), () -> 1), FrameHeader.MAX_DATA_BYTES);
        for (Frame.Whole frame : frames) {
            assertThat(reader.next()).isEqualTo(frame);
        }
        assertThat(reader.next()).isNull();
    }

    @Test
    void framesTornAnywhereComeOutWhole() throws IOException {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            List<Frame.Whole> frames = samples(random);
            IntSupplier pieces = () -> 1 + random.nextInt(1 << random.nextInt(18));
            var reader = new FrameReader(new Torn(bytes(frames), pieces), FrameHeader.MAX_DATA_BYTES);
            for (Frame.Whole frame : frames) {
                assertThat(reader.next()).as("seed %d", seed).isEqualTo(frame);
            }
            assertThat(reader.next()).isNull();
        }
    }

    @Test
    void connectionCutAnywhereInAFrameIsAnError() throws IOException {
        byte[] bytes = Envelopes.frame(1, 1, 0, ByteString.copyFrom(new byte[20]));
        for (int length = 1; length < bytes.length; length++) {
            byte[] cut = java.util.Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> reader(cut).next())
                    .as("cut after %d bytes", length)
                    .isInstanceOf(EOFException.class)
                    .hasMessageContaining("the peer closed the connection after");
        }
        assertThat(reader(new byte[0]).next()).isNull();
    }

    @Test
    void oversizedFrameIsDrainedAndTheNextOneRead() throws IOException {
        var all = new ByteArrayOutputStream();
        all.writeBytes(Envelopes.frame(1, 1, 0, ByteString.copyFrom(new byte[FrameHeader.MAX_DATA_BYTES + 1])));
        all.writeBytes(Envelopes.frame(3, 1, 0, ByteString.copyFrom(new byte[FrameHeader.MAX_DATA_BYTES])));
        FrameReader reader = reader(all.toByteArray());
        assertThat(reader.next())
                .isEqualTo(new Frame.Oversized(new FrameHeader(FrameHeader.MAX_DATA_BYTES + 1L, 1, 1, 0)));
        assertThat(reader.next())
                .isInstanceOfSatisfying(
                        Frame.Whole.class,
                        frame -> assertThat(frame.data().size()).isEqualTo(FrameHeader.MAX_DATA_BYTES));
        assertThat(reader.next()).isNull();
    }

    @Test
    void announcedLengthWithoutBytesCostsLittleMemory() {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (String length : List.of("00400000", "ffffffff")) {
            byte[] header = HEX.parseHex(length + "00000001" + "0100" + "00");
            long before = threads.getCurrentThreadAllocatedBytes();
            assertThatThrownBy(() -> reader(header).next()).isInstanceOf(EOFException.class);
            assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1 << 20);
        }
    }

    @Test
    void writerFinishesWhatTheKernelTakesInPieces() throws IOException {
        Random random = new Random(7);
        List<Frame.Whole> frames = samples(random);
        var taken = new ByteArrayOutputStream();
        var writer = new FrameWriter(new Sluggish(taken, random));
        for (Frame.Whole frame : frames) {
            writer.write(
                    frame.header().streamId(),
                    frame.header().type(),
                    frame.header().flags(),
                    frame.data());
        }
        assertThat(taken.toByteArray()).isEqualTo(bytes(frames));
    }

    /** Takes some bytes of what it is given. */
    private record Sluggish(ByteArrayOutputStream taken, Random random) implements GatheringByteChannel {
        @Override
        public int write(ByteBuffer source) {
            int count = Math.min(source.remaining(), 1 + random.nextInt(40_000));
            byte[] bytes = new byte[count];
            source.get(bytes);
            taken.writeBytes(bytes);
            return count;
        }

        @Override
        public long write(ByteBuffer[] sources, int offset, int length) {
            long written = 0;
            int some = 1 + random.nextInt(length);
            for (int i = offset; i < offset + some && (i == offset || !sources[i - 1].hasRemaining()); i++) {
                written += write(sources[i]);
            }
            return written;
        }

        @Override
        public long write(ByteBuffer[] sources) {
            return write(sources, 0, sources.length);
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }
}
