// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.relay.Envelope.Peek;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EnvelopeTest {
    private static final String AGENT = "grpc.AgentService";
    private static final byte[] CREATE = Envelope.prefix(AGENT, "CreateContainer");

    private static Peek peek(byte[] request, int available) {
        return Envelope.peek(ByteBuffer.wrap(request), 0, available, CREATE);
    }

    private static byte[] payloadOf(TestFrame frame) {
        return frame.payload().toByteArray();
    }

    @Test
    void theStartOfARequestTellsItsMethod() {
        byte[] create = payloadOf(TestFrame.request(1, AGENT, "CreateContainer", new byte[3]));
        assertThat(peek(create, create.length)).isEqualTo(Peek.MATCH);
        assertThat(peek(create, CREATE.length)).isEqualTo(Peek.MATCH);
        for (int available = 0; available < CREATE.length; available++) {
            assertThat(peek(create, available)).as("%s bytes", available).isEqualTo(Peek.SHORT);
        }
        for (String method : new String[] {"WriteStdin", "CreateContainex", "CreateContainerX", ""}) {
            byte[] other = payloadOf(TestFrame.request(1, AGENT, method, new byte[30]));
            assertThat(peek(other, other.length)).as(method).isEqualTo(Peek.OTHER);
        }
        byte[] health = payloadOf(TestFrame.request(1, "grpc.Health", "CreateContainer", new byte[30]));
        assertThat(peek(health, health.length)).isEqualTo(Peek.OTHER);
    }

    @Test
    void anotherOrderOfFieldsIsSeenByTheScan() {
        byte[] swapped = ("\u0012\u000fCreateContainer\n\u0011" + AGENT).getBytes(StandardCharsets.ISO_8859_1);
        assertThat(peek(swapped, swapped.length)).isEqualTo(Peek.UNUSUAL);
        Envelope envelope = new Envelope();
        ByteBuffer data = ByteBuffer.wrap(swapped);
        assertThat(envelope.scan(data, 0, swapped.length)).isTrue();
        assertThat(envelope.service(data)).isEqualTo(AGENT);
        assertThat(envelope.method(data)).isEqualTo("CreateContainer");
        assertThat(envelope.payload(data)).isEmpty();
    }

    @Test
    void anotherPayloadLeavesEveryOtherByte() {
        byte[] unknownField = {(byte) 0xf8, 0x3e, 0x2a};
        byte[] before = payloadOf(TestFrame.request(9, AGENT, "CreateContainer", new byte[300], 5_000_000_000L));
        ByteBuffer frame = ByteBuffer.allocate(10 + before.length + unknownField.length)
                .putInt(before.length + unknownField.length)
                .putInt(9)
                .put((byte) 1)
                .put((byte) 0)
                .put(before)
                .put(unknownField)
                .flip();
        Envelope envelope = new Envelope();
        assertThat(envelope.scan(frame, 10, frame.limit())).isTrue();
        assertThat(envelope.timeoutNanos()).isEqualTo(5_000_000_000L);
        for (int size : new int[] {0, 1, 127, 128, 300, 70_000}) {
            byte[] payload = new byte[size];
            new Random(size).nextBytes(payload);
            ByteBuffer changed = envelope.withPayload(frame, 0, frame.limit(), payload);
            byte[] after = payloadOf(TestFrame.request(9, AGENT, "CreateContainer", payload, 5_000_000_000L));
            ByteBuffer expected = ByteBuffer.allocate(after.length + unknownField.length)
                    .put(after)
                    .put(unknownField)
                    .flip();
            assertThat(changed.getInt(0)).isEqualTo(expected.remaining());
            assertThat(changed.slice(10, changed.limit() - 10))
                    .as("%s bytes", size)
                    .isEqualTo(expected);
        }
    }

    @Test
    void garbageIsNoRequestAndNeverThrows() {
        Envelope envelope = new Envelope();
        Random random = new Random(5);
        for (int i = 0; i < 200_000; i++) {
            byte[] garbage = new byte[random.nextInt(24)];
            random.nextBytes(garbage);
            ByteBuffer data = ByteBuffer.wrap(garbage);
            if (envelope.scan(data, 0, garbage.length)) {
                assertThat(envelope.payload(data).length).isLessThanOrEqualTo(garbage.length);
            }
            peek(garbage, garbage.length);
        }
        assertThat(envelope.scan(
                        ByteBuffer.wrap(new byte[] {0x0a, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x7f}),
                        0,
                        6))
                .isFalse();
    }
}
