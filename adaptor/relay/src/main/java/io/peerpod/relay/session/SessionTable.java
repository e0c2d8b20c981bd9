// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.Link;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The forwarder's sessions: greets whoever connects, and keeps those whose connection is gone, bounded in time and number. On one event loop. */
public final class SessionTable implements SessionPipe.Owner {
    private static final Logger log = LoggerFactory.getLogger(SessionTable.class);

    /** Sessions without a connection; the oldest makes room for the next one. */
    public static final int MAX_DISCONNECTED = 32;

    /** Who uses the bytes of the sessions. */
    public interface Users {
        /** A new session asks to be let in; empty when there is no room. */
        Optional<? extends Link.Handler> admit(String peer);

        /** It is in, and this is its way to the peer. */
        void entered(Link.Handler user, SessionPipe pipe);
    }

    /** A session and whose it is. */
    private record Entry(SessionPipe pipe, String peer, String identity) {}

    private final EventLoop loop;
    private final SessionLimits limits;
    private final Duration greetingTimeout;
    private final Users users;
    private final Map<SessionId, Entry> sessions = new HashMap<>();
    private final LinkedHashMap<SessionId, EventLoop.Timer> disconnected = new LinkedHashMap<>();

    /** An empty table. */
    public SessionTable(EventLoop loop, SessionLimits limits, Duration greetingTimeout, Users users) {
        this.loop = loop;
        this.limits = limits;
        this.greetingTimeout = greetingTimeout;
        this.users = users;
    }

    /**
     * The handler for a connection that agreed on sessions.
     *
     * @param peer its address, for the log
     * @param identity of its certificate; only the same may resume
     */
    public Carrier arrival(String peer, String identity) {
        return new Arrival(peer, identity).carrier;
    }

    /** A connection before its greeting. */
    private final class Arrival implements Carrier.Sink {
        private final String peer;
        private final String identity;
        private final Carrier carrier = new Carrier(this);
        private final EventLoop.Timer timer;

        Arrival(String peer, String identity) {
            this.peer = peer;
            this.identity = identity;
            timer = loop.after(greetingTimeout, () -> carrier.link().close());
        }

        @Override
        public void message(Carrier from, byte type, long first, long second, ByteBuffer body) throws SessionViolation {
            if (type != Message.HELLO || body.remaining() != SessionId.BYTES || first < 0 || first > 1) {
                throw new SessionViolation("a connection must begin with a whole HELLO, not with type " + type);
            }
            timer.cancel();
            SessionId id = new SessionId(body.getLong(), body.getLong());
            if (first == 0) {
                begin(from, id, peer, identity);
            } else {
                resume(from, id, second, identity);
            }
        }

        @Override
        public void data(Carrier from, long offset, long acknowledged) throws SessionViolation {
            throw new SessionViolation("data before a HELLO");
        }

        @Override
        public void bytes(ByteBuffer part) {
            part.position(part.limit());
        }

        @Override
        public @Nullable ByteBuffer room(int atLeast) {
            return null;
        }

        @Override
        public void filled(int count) {}

        @Override
        public void received(Carrier from) {}

        @Override
        public void drained(Carrier from) {}

        @Override
        public void lost(Carrier from, String why) {
            timer.cancel();
        }

        @Override
        public void violated(Carrier from, String why) {
            timer.cancel();
            log.atInfo().addKeyValue("client", peer).addKeyValue("failure", why).log("a relay was turned away");
        }
    }

    /**
     * A session as another process can go on with it.
     *
     * @param peer its address, for the log
     * @param identity of its certificate
     * @param snapshot its numbers and kept bytes
     */
    public record Held(String peer, String identity, SessionSnapshot snapshot) {}

    /** What all sessions have sent and not heard to be received. */
    public long unacknowledgedBytes() {
        long bytes = 0;
        for (Entry entry : sessions.values()) {
            SessionState state = entry.pipe.state();
            bytes += state.appendedOffset() - state.acknowledgedOffset();
        }
        return bytes;
    }

    /** Shows every session that is not ending. */
    public void forEach(BiConsumer<Link.Handler, Held> reader) {
        sessions.values().forEach(entry -> {
            if (!entry.pipe.isClosed()) {
                reader.accept(
                        entry.pipe.user(),
                        new Held(entry.peer, entry.identity, entry.pipe.state().snapshot()));
            }
        });
    }

    /** Goes on with a session of a predecessor; it waits for its relay. */
    public Optional<Link.Handler> restore(Held held) {
        Optional<? extends Link.Handler> admitted = users.admit(held.peer);
        if (admitted.isEmpty()) {
            return Optional.empty();
        }
        Link.Handler user = admitted.get();
        SessionState state = SessionState.restore(held.snapshot, loop.buffers());
        SessionPipe pipe = new SessionPipe(loop, state, limits, false, this, user);
        sessions.put(state.id(), new Entry(pipe, held.peer, held.identity));
        users.entered(user, pipe);
        disconnected(pipe, "the forwarder was started anew");
        return Optional.of(user);
    }

    private void begin(Carrier carrier, SessionId id, String peer, String identity) throws SessionViolation {
        if (sessions.containsKey(id)) {
            refuse(carrier, Reason.NOT_YOURS, "a session of this id exists already");
            return;
        }
        Optional<? extends Link.Handler> admitted = users.admit(peer);
        if (admitted.isEmpty()) {
            refuse(carrier, Reason.FULL, "too many relays are connected");
            return;
        }
        Link.Handler user = admitted.get();
        SessionPipe pipe = new SessionPipe(loop, SessionState.fresh(id, loop.buffers()), limits, false, this, user);
        sessions.put(id, new Entry(pipe, peer, identity));
        users.entered(user, pipe);
        carrier.link().send(Message.bare(Message.WELCOME, 0, 0));
        pipe.attach(carrier, 0);
    }

    private void resume(Carrier carrier, SessionId id, long peerReceived, String identity) throws SessionViolation {
        Entry entry = sessions.get(id);
        if (entry == null) {
            refuse(
                    carrier,
                    Reason.UNKNOWN_SESSION,
                    "this forwarder has no such session; it was started anew, or waited longer than "
                            + limits.patience().toSeconds() + " s");
            return;
        }
        if (!entry.identity.equals(identity)) {
            log.atWarn()
                    .addKeyValue("client", entry.peer)
                    .log("a relay with another certificate asked for a session and was refused");
            refuse(carrier, Reason.NOT_YOURS, "the session belongs to another client certificate");
            return;
        }
        SessionPipe pipe = entry.pipe;
        if (!pipe.state().mayResume(peerReceived)) {
            refuse(carrier, Reason.OFFSET, "offset " + peerReceived + " cannot be continued from");
            pipe.abandon("the relay asked to continue at an offset that cannot be");
            return;
        }
        EventLoop.Timer timer = disconnected.remove(id);
        if (timer != null) {
            timer.cancel();
        }
        carrier.link().send(Message.bare(Message.WELCOME, pipe.state().receivedOffset(), 0));
        pipe.attach(carrier, peerReceived);
        log.atInfo().addKeyValue("client", entry.peer).log("a relay is connected again");
    }

    private static void refuse(Carrier carrier, Reason reason, String words) {
        carrier.link().send(Message.worded(Message.REFUSED, reason, words));
        carrier.link().finish();
    }

    @Override
    public void disconnected(SessionPipe pipe, String why) {
        SessionId id = pipe.state().id();
        Entry entry = sessions.get(id);
        if (entry == null) {
            return;
        }
        log.atInfo()
                .addKeyValue("client", entry.peer)
                .addKeyValue("failure", why)
                .log("a relay's connection is gone; its session waits for the next one");
        if (disconnected.size() >= MAX_DISCONNECTED) {
            dropOldest();
        }
        disconnected.put(
                id,
                loop.after(
                        limits.patience(),
                        () -> pipe.abandon("its connection was gone (" + why + ") and it did not come back within "
                                + limits.patience().toSeconds() + " s")));
    }

    /** The session that has waited longest for its relay ends; false when none waits. */
    public boolean dropOldest() {
        Map.Entry<SessionId, EventLoop.Timer> oldest = disconnected.firstEntry();
        Entry entry = oldest == null ? null : sessions.get(oldest.getKey());
        if (entry == null) {
            return false;
        }
        entry.pipe.abandon("its connection was gone, and its place was needed");
        return true;
    }

    @Override
    public void over(SessionPipe pipe) {
        SessionId id = pipe.state().id();
        sessions.remove(id);
        EventLoop.Timer timer = disconnected.remove(id);
        if (timer != null) {
            timer.cancel();
        }
    }
}
