// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * Whole frames on their way to one connection, in order.
 *
 * <p>Only the connection's own thread writes, for two reasons: an interrupt that hits a thread within a channel's write closes the
 * channel, so threads of callers and handlers must stay away from it; and a peer that does not read must not hold up a caller beyond
 * its deadline. Frames that wait at the same time leave in one write.
 */
final class Outbox {
    private static final int BATCH_FRAMES = 256;
    private static final int BATCH_BYTES = 64 << 10;

    private final long maxWaitingBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition work = lock.newCondition();
    private final Condition room = lock.newCondition();
    private final ArrayDeque<byte[]> waiting = new ArrayDeque<>();
    private long waitingBytes;
    private boolean writerIdle;
    private boolean closed;

    Outbox(long maxWaitingBytes) {
        this.maxWaitingBytes = maxWaitingBytes;
    }

    /** Waits until the peer has read enough for a further frame, the connection is closed, or nobody wants to send any more. */
    void awaitRoom(BooleanSupplier abandoned) {
        lock.lock();
        try {
            while (waitingBytes > maxWaitingBytes && !closed && !abandoned.getAsBoolean()) {
                room.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Makes {@link #awaitRoom} ask again whether its caller still wants to send. */
    void recheck() {
        lock.lock();
        try {
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Hands over a whole frame; never waits.
     *
     * @return false when the connection is closed: the frame goes nowhere
     */
    boolean post(byte[] frame) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            waiting.add(frame);
            waitingBytes += frame.length;
            if (writerIdle) {
                writerIdle = false;
                work.signal();
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Whether the peer takes so little that not even short answers can be kept for it. */
    boolean isOverfull() {
        lock.lock();
        try {
            return waitingBytes > 2 * maxWaitingBytes;
        } finally {
            lock.unlock();
        }
    }

    /** Whether everything that was handed over has been written, or goes nowhere. */
    boolean isDrained() {
        lock.lock();
        try {
            return closed || (waiting.isEmpty() && writerIdle);
        } finally {
            lock.unlock();
        }
    }

    void close() {
        lock.lock();
        try {
            closed = true;
            waiting.clear();
            waitingBytes = 0;
            work.signalAll();
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Writes until closed; the body of the connection's writer thread. */
    void writeAll(FrameWriter writer) throws IOException {
        List<byte[]> batch = new ArrayList<>();
        while (take(batch)) {
            if (batch.size() == 1) {
                writer.write(ByteBuffer.wrap(batch.getFirst()));
            } else {
                // Copying some small frames together costs less than one vector entry for each.
                int bytes = 0;
                for (byte[] frame : batch) {
                    bytes += frame.length;
                }
                ByteBuffer joined = ByteBuffer.allocate(bytes);
                batch.forEach(joined::put);
                writer.write(joined.flip());
            }
        }
    }

    private boolean take(List<byte[]> batch) {
        batch.clear();
        lock.lock();
        try {
            while (waiting.isEmpty() && !closed) {
                writerIdle = true;
                work.awaitUninterruptibly();
            }
            writerIdle = false;
            if (closed) {
                return false;
            }
            boolean wasFull = waitingBytes > maxWaitingBytes;
            int bytes = 0;
            while (!waiting.isEmpty()
                    && batch.size() < BATCH_FRAMES
                    && (batch.isEmpty() || bytes + waiting.getFirst().length <= BATCH_BYTES)) {
                byte[] frame = waiting.removeFirst();
                bytes += frame.length;
                batch.add(frame);
            }
            waitingBytes -= bytes;
            if (wasFull) {
                room.signalAll();
            }
            return true;
        } finally {
            lock.unlock();
        }
    }
}
