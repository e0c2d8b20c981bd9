// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import io.peerpod.relay.LoopBuffers;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One end of a session as numbers and kept bytes, without I/O, clock or threads. Bytes are numbered from zero in each direction. What is to be sent is appended; it stays until the peer confirmed
 * it. A position runs through it that says how much went into the present connection; a new connection sets it back to what the peer has.
 */
public final class SessionState {
    /** Bytes that may be under way unconfirmed; what is above waits, so that the memory for a session is bounded. */
    public static final int WINDOW_BYTES = 2 << 20;

    /** The same while all sessions together keep a lot. */
    private static final int CROWDED_WINDOW_BYTES = 256 << 10;

    /** Bytes after which the peer is told that they came, even if there is nothing else to say. */
    public static final int ACKNOWLEDGE_EVERY_BYTES = 128 << 10;

    private final SessionId id;
    private final KeptBytes kept;
    private long written;
    private boolean untouched;
    private long received;
    private long confirmed;

    private SessionState(SessionId id, LoopBuffers buffers, long received, long acknowledged) {
        this.id = id;
        this.received = received;
        confirmed = received;
        kept = new KeptBytes(buffers, acknowledged);
        written = acknowledged;
        untouched = received == 0 && acknowledged == 0;
    }

    /** A session that nothing went through yet. */
    public static SessionState fresh(SessionId id, LoopBuffers buffers) {
        return new SessionState(id, buffers, 0, 0);
    }

    /** A session where another process left it. */
    public static SessionState restore(SessionSnapshot snapshot, LoopBuffers buffers) {
        SessionState state =
                new SessionState(snapshot.id(), buffers, snapshot.receivedOffset(), snapshot.acknowledgedOffset());
        state.untouched &= snapshot.unacknowledged().isEmpty();
        state.kept.append(snapshot.unacknowledged().asReadOnlyByteBuffer());
        return state;
    }

    /** What a successor needs; taken between two calls of this object. */
    public SessionSnapshot snapshot() {
        return new SessionSnapshot(id, received, kept.start(), kept.toByteString());
    }

    /** Its name. */
    public SessionId id() {
        return id;
    }

    /** How many bytes of the peer's were taken. */
    public long receivedOffset() {
        return received;
    }

    /** How many bytes were handed over for sending. */
    public long appendedOffset() {
        return kept.end();
    }

    /** How many bytes went into a connection; those behind wait. */
    public long writtenOffset() {
        return written;
    }

    /** How many bytes the peer has confirmed. */
    public long acknowledgedOffset() {
        return kept.start();
    }

    /** Bytes that did not go into the present connection yet. */
    public int unwrittenBytes() {
        return (int) (kept.end() - written);
    }

    /** Whether nothing ever went into a connection or came out of one: a peer that does not know the session has missed nothing. */
    public boolean untouched() {
        return untouched;
    }

    /** How many bytes may go into the connection before the peer has to confirm some. */
    public int windowBytes() {
        int window = kept.crowded() ? CROWDED_WINDOW_BYTES : WINDOW_BYTES;
        return (int) Math.max(0, window - (written - kept.start()));
    }

    /** Whether all sessions together keep so much that their users should hold back early. */
    public boolean crowded() {
        return kept.crowded();
    }

    /** Takes bytes for sending and keeps a copy; the buffer's position does not move. */
    public void append(ByteBuffer bytes) {
        kept.append(bytes);
    }

    /** The next bytes that should go into the connection, null when there are none or the window is full. Valid until something changes; follow with {@link #wrote}. */
    public @Nullable ByteBuffer next(int atMost) {
        int length = Math.min(Math.min(atMost, windowBytes()), unwrittenBytes());
        return length == 0 ? null : kept.view(written, length);
    }

    /** This many of the next bytes went into the connection. */
    public void wrote(int count) {
        if (count < 0 || count > unwrittenBytes()) {
            throw new IllegalArgumentException(count + " bytes were not waiting, only " + unwrittenBytes());
        }
        written += count;
        untouched &= count == 0;
    }

    /**
     * Data begins at this offset.
     *
     * @throws SessionViolation when it is not the one that is due: bytes are missing or came again
     */
    public void expect(long offset) throws SessionViolation {
        if (offset != received) {
            throw new SessionViolation("data at offset " + offset + " came where " + received + " was due");
        }
    }

    /** The user of the session has taken this many bytes of the peer's for good. */
    public void took(int count) {
        received += count;
        untouched &= count == 0;
    }

    /** Whether the peer should be told now how much came. */
    public boolean acknowledgementDue() {
        return received - confirmed >= ACKNOWLEDGE_EVERY_BYTES;
    }

    /** Whether the peer does not know everything that came. */
    public boolean acknowledgementOwed() {
        return received != confirmed;
    }

    /** The offset to tell the peer with what is being sent now. */
    public long acknowledgement() {
        confirmed = received;
        return received;
    }

    /**
     * The peer says how many bytes it has taken.
     *
     * @throws SessionViolation when it takes back what it said, or was never sent that much
     */
    public void acknowledged(long offset) throws SessionViolation {
        if (offset < kept.start() || offset > written) {
            throw new SessionViolation(
                    "offset " + offset + " was confirmed where " + kept.start() + " to " + written + " was possible");
        }
        kept.dropBefore(offset);
    }

    /**
     * A new connection stands, and the peer has this much: what it is missing is to be written again.
     *
     * @throws SessionViolation when that cannot be; the session is lost then
     */
    public void resumed(long peerReceived) throws SessionViolation {
        if (!mayResume(peerReceived)) {
            throw new SessionViolation("the peer resumes at offset " + peerReceived + " where " + kept.start() + " to "
                    + kept.end() + " was possible");
        }
        kept.dropBefore(peerReceived);
        written = peerReceived;
        confirmed = received;
    }

    /** Whether a peer that has this much can be served. */
    public boolean mayResume(long peerReceived) {
        return peerReceived >= kept.start() && peerReceived <= kept.end();
    }

    /** Gives the kept bytes back; the session is over. */
    public void clear() {
        kept.clear();
        written = kept.end();
    }
}
