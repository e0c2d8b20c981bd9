// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;
import java.util.ArrayDeque;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Messages of one stream that came and were not yet asked for. There is no flow control on the wire, so the queue has a limit. */
final class Inbox {
    private final int maxMessages;
    private final ByteBudget budget;
    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<ByteString> messages = new ArrayDeque<>();
    private long requested;
    private boolean ended;
    private boolean discarded;

    Inbox(int maxMessages, ByteBudget budget) {
        this.maxMessages = maxMessages;
        this.budget = budget;
    }

    /**
     * Takes a message, unless the peer has ended the stream before.
     *
     * @return false when there is no room for it
     */
    boolean offer(ByteString message) {
        lock.lock();
        try {
            if (ended || discarded) {
                return true;
            }
            if (messages.size() >= maxMessages || !budget.reserve(message.size())) {
                return false;
            }
            messages.add(message);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** The peer sends nothing more. */
    void end() {
        lock.lock();
        try {
            ended = true;
        } finally {
            lock.unlock();
        }
    }

    /**
     * The consumer wants that many more.
     *
     * @return whether it can have something now
     */
    boolean request(int count) {
        lock.lock();
        try {
            requested += count;
            return !messages.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** The next message that was asked for. */
    @Nullable
    ByteString poll() {
        lock.lock();
        try {
            if (requested == 0) {
                return null;
            }
            ByteString message = messages.poll();
            if (message != null) {
                requested--;
                budget.release(message.size());
            }
            return message;
        } finally {
            lock.unlock();
        }
    }

    /** Whether the peer has ended the stream and every message was taken. */
    boolean isFinished() {
        lock.lock();
        try {
            return ended && messages.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** Forgets what is there and whatever comes. */
    void discard() {
        lock.lock();
        try {
            discarded = true;
            messages.forEach(message -> budget.release(message.size()));
            messages.clear();
        } finally {
            lock.unlock();
        }
    }
}
