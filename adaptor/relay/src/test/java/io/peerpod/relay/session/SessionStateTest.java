// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.relay.LoopBuffers;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One direction of a session over a connection that breaks at will. */
class SessionStateTest {
    private static final SessionId ID = new SessionId(1, 2);
    private final LoopBuffers buffers = new LoopBuffers();

    private static byte[] bytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** Moves what the window lets through; the connection swallows everything behind the first {@code delivered} bytes. */
    private static void carry(SessionState from, SessionState to, int delivered, int piece, ByteArrayOutputStream seen)
            throws SessionViolation {
        int left = delivered;
        for (ByteBuffer next = from.next(piece); next != null; next = from.next(piece)) {
            long offset = from.writtenOffset();
            int length = next.remaining();
            int arriving = Math.min(left, length);
            if (arriving > 0) {
                to.expect(offset);
                byte[] copy = new byte[arriving];
                next.get(copy);
                seen.writeBytes(copy);
                to.took(arriving);
                left -= arriving;
            }
            from.wrote(length);
        }
    }

    @Test
    void aCutAtEveryByteLosesNothingAndRepeatsNothing() throws Exception {
        byte[] text = bytes(new Random(1), 600);
        for (int cut = 0; cut <= text.length; cut++) {
            SessionState sender = SessionState.fresh(ID, buffers);
            SessionState receiver = SessionState.fresh(ID, buffers);
            ByteArrayOutputStream seen = new ByteArrayOutputStream();
            sender.append(ByteBuffer.wrap(text));
            carry(sender, receiver, cut, 7, seen);
            sender.resumed(receiver.receivedOffset());
            carry(sender, receiver, Integer.MAX_VALUE, 7, seen);
            assertThat(seen.toByteArray()).isEqualTo(text);
            sender.acknowledged(receiver.acknowledgement());
            assertThat(sender.acknowledgedOffset()).isEqualTo(text.length);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void randomCutsAndSuccessorsDeliverEveryByteOnce(long seed) throws Exception {
        Random random = new Random(seed);
        ByteArrayOutputStream sent = new ByteArrayOutputStream();
        ByteArrayOutputStream seen = new ByteArrayOutputStream();
        SessionState sender = SessionState.fresh(ID, buffers);
        SessionState receiver = SessionState.fresh(ID, buffers);
        for (int step = 0; step < 2_000; step++) {
            switch (random.nextInt(5)) {
                case 0 -> {
                    byte[] more = bytes(random, random.nextInt(random.nextBoolean() ? 100 : 200_000));
                    if (sender.unwrittenBytes() < SessionState.WINDOW_BYTES) {
                        sent.writeBytes(more);
                        sender.append(ByteBuffer.wrap(more));
                    }
                }
                case 1 -> carry(sender, receiver, Integer.MAX_VALUE, 1 + random.nextInt(300_000), seen);
                case 2 -> sender.acknowledged(receiver.acknowledgement());
                case 3 -> {
                    carry(sender, receiver, random.nextInt(300_000), 1 + random.nextInt(300_000), seen);
                    sender.resumed(receiver.receivedOffset());
                }
                default -> {
                    sender = SessionState.restore(
                            SessionSnapshot.fromBytes(sender.snapshot().toBytes()), buffers);
                    receiver = SessionState.restore(receiver.snapshot(), buffers);
                    sender.resumed(receiver.receivedOffset());
                }
            }
        }
        while (seen.size() < sent.size()) {
            carry(sender, receiver, Integer.MAX_VALUE, 300_000, seen);
            sender.acknowledged(receiver.acknowledgement());
        }
        assertThat(seen.toByteArray()).isEqualTo(sent.toByteArray());
    }

    @Test
    void theWindowHoldsBackWhatThePeerHasNotConfirmed() throws Exception {
        SessionState sender = SessionState.fresh(ID, buffers);
        SessionState receiver = SessionState.fresh(ID, buffers);
        sender.append(ByteBuffer.allocate(SessionState.WINDOW_BYTES + 10));
        carry(sender, receiver, Integer.MAX_VALUE, 1 << 20, new ByteArrayOutputStream());
        assertThat(sender.unwrittenBytes()).isEqualTo(10);
        assertThat(sender.next(100)).isNull();
        assertThat(receiver.acknowledgementDue()).isTrue();
        sender.acknowledged(receiver.acknowledgement());
        assertThat(sender.next(100)).isNotNull();
        assertThat(receiver.acknowledgementOwed()).isFalse();
    }

    @Test
    void onlyASessionThatNothingWentThroughIsUntouched() {
        SessionState state = SessionState.fresh(ID, buffers);
        state.append(ByteBuffer.allocate(10));
        assertThat(state.untouched()).isTrue();
        state.wrote(1);
        assertThat(state.untouched()).isFalse();
        assertThat(SessionState.restore(state.snapshot(), buffers).untouched()).isFalse();
        SessionState reader = SessionState.fresh(ID, buffers);
        assertThat(SessionState.restore(reader.snapshot(), buffers).untouched()).isTrue();
        reader.took(1);
        assertThat(reader.untouched()).isFalse();
    }

    @Test
    void aPeerThatLiesAboutOffsetsIsFoundOut() throws Exception {
        SessionState state = SessionState.fresh(ID, buffers);
        state.append(ByteBuffer.allocate(100));
        state.wrote(50);
        assertThatThrownBy(() -> state.acknowledged(51)).isInstanceOf(SessionViolation.class);
        state.acknowledged(20);
        assertThatThrownBy(() -> state.acknowledged(19)).isInstanceOf(SessionViolation.class);
        assertThatThrownBy(() -> state.acknowledged(-1)).isInstanceOf(SessionViolation.class);
        assertThatThrownBy(() -> state.resumed(19)).isInstanceOf(SessionViolation.class);
        assertThatThrownBy(() -> state.resumed(101)).isInstanceOf(SessionViolation.class);
        assertThatThrownBy(() -> state.expect(1)).isInstanceOf(SessionViolation.class);
    }

    @Test
    void aSnapshotThatIsCutOrOfAnotherVersionIsRefused() {
        SessionState state = SessionState.fresh(ID, buffers);
        state.append(ByteBuffer.allocate(100));
        byte[] bytes = state.snapshot().toBytes();
        assertThat(SessionSnapshot.fromBytes(bytes)).isEqualTo(state.snapshot());
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> SessionSnapshot.fromBytes(cut)).isInstanceOf(IllegalArgumentException.class);
        }
        bytes[0] = 99;
        assertThatThrownBy(() -> SessionSnapshot.fromBytes(bytes))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("version 99");
    }
}
