// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import com.google.protobuf.ByteString;
import io.grpc.StatusException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What a process has written and nobody has read yet. The writer waits while it is full, the reader while it is empty, so that a
 * process whose output nobody reads is held up as by a full pipe.
 */
final class OutputBuffer {
    /** As much as a pipe holds. */
    static final int CAPACITY_BYTES = 64 << 10;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final byte[] bytes = new byte[CAPACITY_BYTES];
    private final boolean terminal;
    private int start;
    private int size;
    private boolean ended;

    /**
     * @param terminal whether its end is an error, as a terminal's is
     */
    OutputBuffer(boolean terminal) {
        this.terminal = terminal;
    }

    /** Appends, waiting for room; what comes after the end is dropped. */
    void put(byte[] source, int length) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            int from = 0;
            while (from < length && !ended) {
                int room = CAPACITY_BYTES - size;
                if (room == 0) {
                    changed.await();
                    continue;
                }
                int end = (start + size) % CAPACITY_BYTES;
                int part = Math.min(Math.min(room, length - from), CAPACITY_BYTES - end);
                System.arraycopy(source, from, bytes, end, part);
                size += part;
                from += part;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Nothing more will come. */
    void end() {
        lock.lock();
        try {
            ended = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for output and takes it.
     *
     * @param most bytes; never more are returned
     * @return empty at the end of a pipe
     * @throws StatusException at the end of a terminal
     */
    ByteString take(int most) throws InterruptedException, StatusException {
        lock.lockInterruptibly();
        try {
            while (size == 0) {
                if (ended) {
                    if (terminal) {
                        throw AgentErrors.inputOutputError();
                    }
                    return ByteString.EMPTY;
                }
                changed.await();
            }
            int part = Math.min(Math.min(most, size), CAPACITY_BYTES - start);
            ByteString taken = ByteString.copyFrom(bytes, start, part);
            start = (start + part) % CAPACITY_BYTES;
            size -= part;
            changed.signalAll();
            return taken;
        } finally {
            lock.unlock();
        }
    }
}
