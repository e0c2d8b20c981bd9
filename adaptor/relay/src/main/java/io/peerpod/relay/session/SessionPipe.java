// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.Link;
import io.peerpod.relay.LoopBuffers;
import io.peerpod.relay.Pipe;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A session as a pipe: looks like one connection to its user, while connections under it come and go. What is sent while there is none waits. Whoever made the pipe brings the next connection.
 */
public final class SessionPipe implements Pipe, Carrier.Sink {
    /** Encrypted output of the present connection above which nothing more is encrypted: it would be thrown away with the connection. */
    private static final int MAX_CARRIER_UNSENT_BYTES = 256 << 10;

    /** What is reported at least when something waits and memory is short: enough for every user to hold back. */
    private static final int CROWDED_UNSENT_BYTES = 4 << 20;

    /** The most that goes out under one header, so that something else can go in between. */
    private static final int PIECE_BYTES = 256 << 10;

    /** Who cares for connections. */
    public interface Owner {
        /** The connection is gone, the session is not. */
        void disconnected(SessionPipe pipe, String why);

        /** The session is over, for whatever reason; called once. */
        void over(SessionPipe pipe);
    }

    private final EventLoop loop;
    private final Owner owner;
    private final Link.Handler user;
    private final SessionState state;
    private final KeepAlive keepAlive;
    private final SessionLimits limits;
    /** What came while the user does not read; not taken yet, so that the peer is not told and keeps it. */
    private final KeptBytes held;

    private final ByteBuffer header = ByteBuffer.allocate(Message.HEADER_BYTES);
    private @Nullable Carrier carrier;
    private boolean paused;
    private boolean blocked;
    private boolean acknowledging;
    private boolean finishing;
    private boolean closeSent;
    private boolean closed;

    /** A session without a connection; {@link #attach} brings the first one. */
    public SessionPipe(
            EventLoop loop, SessionState state, SessionLimits limits, boolean asks, Owner owner, Link.Handler user) {
        this.loop = loop;
        this.state = state;
        this.owner = owner;
        this.user = user;
        this.limits = limits;
        held = new KeptBytes(loop.buffers(), 0);
        blocked = state.unwrittenBytes() > 0; // What a predecessor had left to send, and its user may be waiting.
        keepAlive = new KeepAlive(this, loop, limits, asks);
    }

    /** Who uses it. */
    Link.Handler user() {
        return user;
    }

    /** Its numbers and kept bytes. */
    public SessionState state() {
        return state;
    }

    /** Whether a connection stands. */
    public boolean isConnected() {
        return carrier != null;
    }

    /** Whether this connection is the present one. */
    boolean isCarriedBy(Carrier other) {
        return carrier == other;
    }

    /**
     * Goes on over a new connection; a previous one is dropped.
     *
     * @param peerReceived how many of our bytes the peer has
     * @throws SessionViolation when that cannot be; the caller tells the peer and closes this
     */
    public void attach(Carrier next, long peerReceived) throws SessionViolation {
        state.resumed(peerReceived);
        detach();
        carrier = next;
        next.redirect(this);
        closeSent = false;
        keepAlive.start();
        pump();
    }

    /** Drops the present connection without a word; the session waits for the next one. */
    public void detach() {
        Carrier present = carrier;
        carrier = null;
        held.clear(); // The peer sends it again.
        if (present != null) {
            present.link().close();
        }
    }

    @Override
    public void send(ByteBuffer data) {
        if (closed || finishing) {
            data.position(data.limit());
            return;
        }
        boolean straight = state.unwrittenBytes() == 0 && mayWrite() && data.remaining() <= state.windowBytes();
        state.append(data);
        if (straight) {
            writeStraight(data);
        } else {
            data.position(data.limit());
            pump();
        }
        blocked |= unsentBytes() > 0;
    }

    @Override
    public void sendOwned(ByteBuffer data) {
        send(data);
        loop.buffers().release(data);
    }

    private boolean mayWrite() {
        Carrier present = carrier;
        return present != null && present.link().unsentBytes() <= MAX_CARRIER_UNSENT_BYTES;
    }

    /** Writes what the caller has, rather than the copy of it that was kept. */
    private void writeStraight(ByteBuffer data) {
        int end = data.limit();
        while (data.position() < end) {
            data.limit(Math.min(end, data.position() + PIECE_BYTES));
            write(data);
            data.limit(end);
        }
    }

    private void write(ByteBuffer piece) {
        Carrier present = carrier;
        int length = piece.remaining();
        if (present == null) {
            piece.position(piece.limit());
            return; // Gone since: it stays unwritten.
        }
        Message.header(header, Message.DATA, length, state.writtenOffset(), state.acknowledgement());
        state.wrote(length);
        present.link().send(header, piece);
    }

    /** Writes what may go, and tells the user when nothing waits any more. */
    private void pump() {
        while (mayWrite()) {
            ByteBuffer piece = state.next(PIECE_BYTES);
            if (piece == null) {
                break;
            }
            write(piece);
        }
        if (finishing && state.unwrittenBytes() == 0) {
            sayClose();
        }
        if (blocked && unsentBytes() == 0 && !finishing) {
            blocked = false;
            user.drained();
        }
    }

    @Override
    public int unsentBytes() {
        Carrier present = carrier;
        int unsent =
                state.unwrittenBytes() + (present == null ? 0 : present.link().unsentBytes());
        return unsent > 0 && state.crowded() ? Math.max(unsent, CROWDED_UNSENT_BYTES) : unsent;
    }

    @Override
    public boolean isClosed() {
        return closed || finishing;
    }

    @Override
    public void pause() {
        // The connection is read on: what the peer confirms is on it too, and the peer stops by itself when its window
        // is full.
        paused = true;
    }

    @Override
    public void resume() {
        if (paused) {
            paused = false;
            loop.execute(this::deliverHeld);
        }
    }

    private void deliverHeld() {
        Carrier present = carrier;
        while (present != null && present == carrier && !paused && !closed) {
            ByteBuffer some = held.view(held.start(), LoopBuffers.READ_BYTES);
            if (some == null) {
                return;
            }
            ByteBuffer data = loop.buffers().plain();
            data.put(some).limit(data.position()).position(LoopBuffers.HEADROOM_BYTES);
            held.dropBefore(held.start() + data.remaining());
            take(data);
            if (present == carrier) {
                received(present);
            }
        }
    }

    private boolean holds() {
        return paused || held.start() != held.end();
    }

    @Override
    public void finish() {
        if (closed || finishing) {
            return;
        }
        finishing = true;
        state.took((int) (held.end() - held.start())); // Nobody will.
        held.clear();
        pump();
        loop.after(limits.patience(), () -> end(false));
    }

    @Override
    public void close() {
        if (!closed) {
            sayClose();
            end(false);
        }
    }

    private void sayClose() {
        Carrier present = carrier;
        if (present != null && !closeSent) {
            closeSent = true;
            present.link().send(Message.worded(Message.CLOSE, finishing ? Reason.AGENT_GONE : Reason.DONE, ""));
        }
    }

    /** Gives up: no connection will come. */
    public void abandon(String why) {
        over(true, why);
    }

    private void over(boolean abruptly, String why) {
        if (!closed) {
            end(abruptly);
            if (!finishing) {
                loop.afterEvent(() -> user.ended(why));
            }
        }
    }

    /** @param abruptly whether nothing is left to be said to the peer */
    private void end(boolean abruptly) {
        if (closed) {
            return;
        }
        closed = true;
        keepAlive.stop();
        state.clear();
        held.clear();
        Carrier present = carrier;
        carrier = null;
        if (present != null) {
            if (abruptly) {
                present.link().close();
            } else {
                present.link().finish();
            }
        }
        owner.over(this);
    }

    @Override
    public void message(Carrier from, byte type, long first, long second, ByteBuffer body) throws SessionViolation {
        if (from != carrier) {
            return;
        }
        switch (type) {
            case Message.ACKNOWLEDGE, Message.PONG -> acknowledged(second);
            case Message.PING -> {
                acknowledged(second);
                from.link().send(Message.bare(Message.PONG, first, state.acknowledgement()));
            }
            case Message.CLOSE -> {
                String words = Message.words(body);
                acknowledge(from);
                over(false, words(Reason.of(first)) + (words.isEmpty() ? "" : ": " + words));
            }
            default -> throw new SessionViolation("a message of type " + type + " in the middle of a session");
        }
    }

    private static String words(Reason reason) {
        return switch (reason) {
            case DONE -> "closed by the peer";
            case AGENT_GONE -> "the forwarder reports that the agent closed its connection";
            case SHUTDOWN -> "the peer is ending";
            case PROTOCOL -> "the peer says that the session protocol was broken";
            case UNKNOWN_SESSION, NOT_YOURS, OFFSET, FULL, OTHER -> "ended by the peer (" + reason + ")";
        };
    }

    private void acknowledged(long offset) throws SessionViolation {
        boolean waiting = state.unwrittenBytes() > 0;
        state.acknowledged(offset);
        if (waiting) {
            pump();
        }
    }

    @Override
    public void data(Carrier from, long offset, long acknowledged) throws SessionViolation {
        if (from == carrier) {
            state.expect(offset - (held.end() - held.start()));
            if (held.end() - held.start() > SessionState.WINDOW_BYTES) {
                throw new SessionViolation("more than " + SessionState.WINDOW_BYTES + " bytes came unconfirmed");
            }
            acknowledged(acknowledged);
        }
    }

    @Override
    public void bytes(ByteBuffer part) {
        if (!holds() || finishing || closed) {
            take(part);
        } else {
            held.append(part);
            part.position(part.limit());
        }
    }

    private void take(ByteBuffer part) {
        int count = part.remaining();
        if (finishing || closed) {
            part.position(part.limit());
        } else {
            user.received(part);
        }
        state.took(count);
    }

    @Override
    public @Nullable ByteBuffer room(int atLeast) {
        return finishing || closed || holds() ? null : user.room(atLeast);
    }

    @Override
    public void filled(int count) {
        state.took(count);
        user.filled(count);
        Carrier present = carrier;
        if (present != null) {
            received(present);
        }
    }

    @Override
    public void received(Carrier from) {
        if (from != carrier) {
            return;
        }
        keepAlive.heard();
        if (state.acknowledgementDue()) {
            acknowledge(from);
        } else if (!acknowledging && state.acknowledgementOwed()) {
            acknowledging = true;
            loop.after(limits.acknowledgeDelay(), () -> {
                acknowledging = false;
                Carrier present = carrier;
                if (present != null && state.acknowledgementOwed()) {
                    acknowledge(present);
                }
            });
        }
    }

    private void acknowledge(Carrier over) {
        over.link().send(Message.header(header, Message.ACKNOWLEDGE, 0, 0, state.acknowledgement()));
    }

    /** Asks the peer whether it is there. */
    void ping() {
        Carrier present = carrier;
        if (present != null) {
            present.link().send(Message.bare(Message.PING, 0, state.acknowledgement()));
        }
    }

    @Override
    public void drained(Carrier from) {
        if (from == carrier) {
            pump();
        }
    }

    @Override
    public void lost(Carrier from, String why) {
        if (from == carrier) {
            disconnect(why);
        }
    }

    /** The present connection is of no use any more. */
    void disconnect(String why) {
        detach();
        keepAlive.stop();
        if (closed) {
            return;
        }
        if (closeSent && state.acknowledgedOffset() == state.appendedOffset()) {
            end(true);
        } else {
            owner.disconnected(this, why);
        }
    }

    @Override
    public void violated(Carrier from, String why) {
        if (from == carrier) {
            carrier = null; // It closes by itself, once the peer has been told.
            abandon("the peer broke the session protocol: " + why);
        }
    }
}
