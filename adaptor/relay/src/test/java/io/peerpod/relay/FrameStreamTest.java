// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FrameStreamTest {
    /** Passes ids of 1 modulo 3, drops 2 modulo 3, collects the others; wants twenty bytes of a frame before it judges. */
    private static final class Sorter extends FrameStream {
        private final ByteArrayOutputStream passed = new ByteArrayOutputStream();
        private final List<ByteString> collected = new ArrayList<>();

        @Override
        protected Verdict inspect(ByteBuffer data, int start, long length, int available) {
            if (available < Math.min(length, 20)) {
                return Verdict.MORE;
            }
            return switch (Math.floorMod(data.getInt(start + 4), 3)) {
                case 1 -> Verdict.PASS;
                case 2 -> Verdict.DROP;
                default -> Verdict.GATHER;
            };
        }

        @Override
        protected void pass(ByteBuffer run) {
            byte[] bytes = new byte[run.remaining()];
            run.get(bytes);
            passed.writeBytes(bytes);
        }

        @Override
        protected void gathered(ByteBuffer frame) {
            collected.add(ByteString.copyFrom(frame));
        }
    }

    @Test
    void everyFrameMeetsItsVerdictHoweverTheBytesAreCut() {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            Sorter sorter = new Sorter();
            ByteArrayOutputStream wire = new ByteArrayOutputStream();
            ByteArrayOutputStream passed = new ByteArrayOutputStream();
            List<ByteString> collected = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                byte[] payload = new byte[random.nextInt(10) == 0 ? 5000 : random.nextInt(40)];
                random.nextBytes(payload);
                byte[] frame =
                        new TestFrame(random.nextInt(), random.nextInt(4), 0, ByteString.copyFrom(payload)).bytes();
                wire.writeBytes(frame);
                switch (Math.floorMod(ByteBuffer.wrap(frame).getInt(4), 3)) {
                    case 1 -> passed.writeBytes(frame);
                    case 2 -> {}
                    default -> collected.add(ByteString.copyFrom(frame));
                }
            }
            byte[] all = wire.toByteArray();
            int largest = 1 + random.nextInt(200);
            for (int from = 0; from < all.length; ) {
                int length = Math.min(1 + random.nextInt(largest), all.length - from);
                ByteBuffer scratch = ByteBuffer.allocate(LoopBuffers.HEADROOM_BYTES + length);
                scratch.put(LoopBuffers.HEADROOM_BYTES, all, from, length).position(LoopBuffers.HEADROOM_BYTES);
                sorter.feed(scratch);
                assertThat(scratch.hasRemaining()).isFalse();
                from += length;
            }
            assertThat(sorter.passed.toByteArray()).as("seed %s", seed).isEqualTo(passed.toByteArray());
            assertThat(sorter.collected).as("seed %s", seed).isEqualTo(collected);
            assertThat(sorter.unfinished()).isFalse();
        }
    }

    @Test
    void aFrameOfFourGigabytesIsDroppedAsItComes() {
        Sorter sorter = new Sorter();
        ByteBuffer scratch = ByteBuffer.allocate(LoopBuffers.HEADROOM_BYTES + 1000);
        scratch.position(LoopBuffers.HEADROOM_BYTES);
        scratch.putInt(LoopBuffers.HEADROOM_BYTES, -1).putInt(LoopBuffers.HEADROOM_BYTES + 4, 2);
        sorter.feed(scratch);
        assertThat(sorter.unfinished()).isTrue();
        assertThat(sorter.midFrame()).isFalse();
        assertThat(sorter.passed.size()).isZero();
    }
}
