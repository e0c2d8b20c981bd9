// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A shim that never stops talking: it sends requests of random sizes, a few at a time, and checks that each is answered once, in order, and with its own bytes. Every second one is a ping-pong of
 * small frames that measures how long a call takes at most.
 */
final class BusyShim implements AutoCloseable {
    private static final int HEADER_BYTES = 10;
    private static final int MAX_BYTES = 150_000;
    private static final int UNDER_WAY = 4;

    private record Expected(int id, int length, long sum, long sentNanos) {}

    private final SocketChannel channel;
    private final boolean small;
    private final Random random;
    private final Queue<Expected> expected = new ConcurrentLinkedQueue<>();
    private final Thread sender;
    private final Thread receiver;
    final AtomicLong answers = new AtomicLong();
    final AtomicLong bytes = new AtomicLong();
    final AtomicLong longestNanos = new AtomicLong();
    private volatile boolean stopping;
    private volatile @Nullable String failure;

    BusyShim(Path socket, int number) throws IOException {
        channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        small = number % 2 == 0;
        random = new Random(number);
        sender = Thread.ofVirtual().start(this::send);
        receiver = Thread.ofVirtual().start(this::receive);
    }

    private void send() {
        try {
            for (int id = 1; !stopping; id += 2) {
                while (expected.size() >= (small ? 1 : UNDER_WAY) && !stopping && failure == null) {
                    Thread.sleep(1);
                }
                if (stopping) {
                    return;
                }
                byte[] payload = new byte[small ? 64 : random.nextInt(MAX_BYTES)];
                random.nextBytes(payload);
                expected.add(new Expected(id, payload.length, sum(payload), System.nanoTime()));
                ByteBuffer frame = ByteBuffer.allocate(HEADER_BYTES + payload.length)
                        .putInt(payload.length)
                        .putInt(id)
                        .put((byte) 1)
                        .put((byte) 0)
                        .put(payload)
                        .flip();
                // In two pieces now and then, so that a connection rarely rests between frames.
                int cut = random.nextInt(frame.limit());
                write(frame.duplicate().limit(cut));
                if (!small && random.nextBoolean()) {
                    Thread.sleep(random.nextInt(3));
                }
                write(frame.position(cut));
            }
        } catch (IOException | InterruptedException e) {
            fail("sending failed: " + e);
        }
    }

    private void receive() {
        try {
            DataInputStream in = new DataInputStream(Channels.newInputStream(channel));
            while (sender.isAlive() || !expected.isEmpty()) {
                int length = in.readInt();
                int id = in.readInt();
                in.readShort();
                byte[] payload = new byte[length];
                in.readFully(payload);
                Expected next = expected.peek();
                if (next == null || next.id != id || next.length != length || next.sum != sum(payload)) {
                    fail("answer " + id + " of " + length + " bytes came where " + next + " was due");
                    return;
                }
                longestNanos.accumulateAndGet(System.nanoTime() - next.sentNanos, Math::max);
                answers.incrementAndGet();
                bytes.addAndGet(length);
                expected.remove();
            }
        } catch (IOException e) {
            fail("the connection ended: " + e);
        }
    }

    private void fail(String why) {
        if (failure == null && !stopping) {
            failure = why;
        }
    }

    private static long sum(byte[] bytes) {
        CRC32C sum = new CRC32C();
        sum.update(bytes);
        return sum.getValue();
    }

    private void write(ByteBuffer data) throws IOException {
        while (data.hasRemaining()) {
            channel.write(data);
        }
    }

    boolean isSmall() {
        return small;
    }

    /** What went wrong, null for nothing. */
    @Nullable
    String failure() {
        return failure;
    }

    /** Sends no more, and waits for what is due. */
    void finish() throws InterruptedException {
        stopping = true;
        sender.join(10_000);
        long end = System.nanoTime() + 10_000_000_000L;
        while (!expected.isEmpty() && failure == null && System.nanoTime() < end) {
            Thread.sleep(5);
        }
        if (!expected.isEmpty() && failure == null) {
            failure = expected.size() + " answers did not come: " + new ArrayDeque<>(expected).peek();
        }
    }

    @Override
    public void close() throws IOException {
        stopping = true;
        channel.close();
        receiver.interrupt();
    }
}
