// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.relay.Answers;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.FrameStream;
import io.peerpod.relay.Link;
import io.peerpod.relay.LoopBuffers;
import io.peerpod.relay.Pipe;
import io.peerpod.relay.PlainLink;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.handover.HeldUpstream;
import io.peerpod.relay.session.Carrier;
import io.peerpod.relay.session.Greeting;
import io.peerpod.relay.session.SessionId;
import io.peerpod.relay.session.SessionPipe;
import io.peerpod.relay.session.SessionSnapshot;
import io.peerpod.relay.session.SessionState;
import io.peerpod.relay.session.SessionViolation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection to the forwarder on the loop, before and after a shim's connection took it. Its frames go down verbatim. */
final class UpstreamConnection extends FrameStream implements Link.Handler, SessionPipe.Owner {
    private static final Logger log = LoggerFactory.getLogger(UpstreamConnection.class);
    private final Session session;
    private final EventLoop loop;
    private @Nullable Pipe link;
    private @Nullable Thread redialling;
    private volatile @Nullable Reconnection reconnection;
    private @Nullable ShimConnection shim;
    private boolean agentGone;

    private UpstreamConnection(Session session) {
        this.session = session;
        loop = session.loop();
    }

    /** Takes a connection over from blocking code; only on the loop. */
    static UpstreamConnection adopt(Session session, Dialled dialled) throws IOException {
        UpstreamConnection connection = new UpstreamConnection(session);
        if (dialled.greeting().isEmpty()) {
            connection.link = dialled.upstream().link(session.loop(), connection);
            return connection;
        }
        SessionId id = dialled.greeting().get().id();
        SessionPipe pipe = connection.pipe(SessionState.fresh(id, session.loop().buffers()));
        connection.carry(pipe, dialled);
        return connection;
    }

    /** Why a successor process could not go on with it, a clause; empty: it could. */
    Optional<String> obstacle() {
        return shim == null || link() instanceof PlainLink || link() instanceof SessionPipe
                ? Optional.empty()
                : Optional.of("its guest knows no resumable sessions, and a TLS connection cannot change processes");
    }

    /** What a successor process needs; a descriptor is added to the list when one is handed over. */
    HeldUpstream hold(List<Integer> descriptors) {
        HeldUpstream.Builder held =
                HeldUpstream.newBuilder().setFrames(heldFrames()).setAgentGone(agentGone);
        if (link() instanceof PlainLink plain) {
            descriptors.add(AdoptedChannels.descriptor(plain.channel()));
            return held.setPlain(plain.held()).build();
        }
        if (link() instanceof SessionPipe pipe) {
            return held.setSession(ByteString.copyFrom(pipe.state().snapshot().toBytes()))
                    .build();
        }
        if (obstacle().isPresent()) {
            throw new IllegalStateException(obstacle().get());
        }
        return held.setFresh(true).build();
    }

    /** Stands where a predecessor's connection stood; reads and sends nothing before {@link #begin}. Only what has a descriptor or a session comes here. */
    static UpstreamConnection restore(Session session, HeldUpstream held, Iterator<Integer> descriptors)
            throws IOException {
        UpstreamConnection connection = new UpstreamConnection(session);
        connection.restoreFrames(held.getFrames());
        connection.agentGone = held.getAgentGone();
        if (held.hasSession()) {
            SessionSnapshot snapshot =
                    SessionSnapshot.fromBytes(held.getSession().toByteArray());
            connection.pipe(SessionState.restore(snapshot, session.loop().buffers()));
            return connection;
        }
        PlainLink plain = new PlainLink(session.loop(), AdoptedChannels.stream(descriptors.next()), connection);
        plain.restore(held.getPlain());
        connection.link = plain;
        return connection;
    }

    /** Goes on after {@link #restore}. */
    void begin() throws IOException {
        switch (link()) {
            case SessionPipe pipe -> disconnected(pipe, "another relay process had it");
            case PlainLink plain -> plain.register();
            default -> throw new IllegalStateException("a connection over TLS cannot change processes");
        }
    }

    private SessionPipe pipe(SessionState state) {
        SessionPipe pipe = new SessionPipe(loop, state, session.sessionLimits(), true, this, this);
        link = pipe;
        return pipe;
    }

    private void carry(SessionPipe pipe, Dialled dialled) throws IOException {
        Greeting greeting = dialled.greeting().orElseThrow();
        Carrier carrier = new Carrier(pipe);
        carrier.use(dialled.upstream().link(loop, carrier));
        pipe.attach(carrier, greeting.peerReceived());
        if (greeting.rest().hasRemaining()) {
            ByteBuffer data = loop.buffers().plain();
            data.put(greeting.rest()).limit(data.position()).position(LoopBuffers.HEADROOM_BYTES);
            carrier.received(data);
        }
    }

    @Override
    public void disconnected(SessionPipe pipe, String why) {
        Reconnection attempt = session.reconnection(pipe.state());
        reconnection = attempt;
        log.atWarn()
                .addKeyValue("sandbox", session.id())
                .addKeyValue("failure", why)
                .log("the connection to the pod VM is lost; it is dialled again and its session resumed");
        session.interrupted(this);
        long since = System.nanoTime();
        redialling = Thread.ofVirtual().name("redial " + session.id()).start(() -> {
            try {
                Dialled dialled = attempt.run(session.sessionLimits().patience());
                loop.execute(() -> resume(pipe, dialled, since));
            } catch (RelayException e) {
                loop.execute(() -> pipe.abandon(why + "; " + e.getMessage()));
            } catch (InterruptedException _) {
                // The session is over; nobody waits.
            }
        });
    }

    private void resume(SessionPipe pipe, Dialled dialled, long since) {
        if (pipe.isClosed()) {
            dialled.close();
            return;
        }
        redialling = null;
        reconnection = null;
        try {
            carry(pipe, dialled);
            session.goesOn(this);
            log.atInfo()
                    .addKeyValue("sandbox", session.id())
                    .addKeyValue("took", Duration.ofNanos(System.nanoTime() - since))
                    .log("the session with the pod VM goes on");
        } catch (SessionViolation e) {
            dialled.close();
            pipe.abandon(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            dialled.close();
            if (!pipe.isConnected()) {
                disconnected(pipe, String.valueOf(e.getMessage()));
            }
        }
    }

    @Override
    public void over(SessionPipe pipe) {
        Thread thread = redialling;
        redialling = null;
        reconnection = null;
        if (thread != null) {
            thread.interrupt();
        }
    }

    /** Why there is no connection at present, in words; empty while there is one. For every thread. */
    String interruption() {
        Reconnection attempt = reconnection;
        return attempt == null
                ? ""
                : "the connection to the pod VM is lost and dialled again: " + attempt.lastFailure();
    }

    void attach(ShimConnection connection) {
        shim = connection;
    }

    @Nullable
    ShimConnection shim() {
        return shim;
    }

    Pipe link() {
        Pipe present = link;
        if (present == null) {
            throw new IllegalStateException("an upstream connection has no link yet");
        }
        return present;
    }

    @Override
    public void received(ByteBuffer data) {
        feed(data);
        ShimConnection down = shim;
        if (down == null) {
            return;
        }
        if (!midFrame()) {
            down.sendAnswers();
        }
        if (down.link().unsentBytes() > ShimConnection.MAX_UNSENT_BYTES) {
            link().pause();
        }
    }

    @Override
    protected Verdict inspect(ByteBuffer data, int start, long length, int available) {
        ShimConnection down = shim;
        if (down == null || agentGone) {
            return Verdict.DROP;
        }
        if (down.hasAnswers()) {
            endRun(start);
            down.sendAnswers();
        }
        if (data.get(start + 8) != RESPONSE) {
            return length > MAX_DATA_BYTES ? Verdict.DROP : Verdict.PASS;
        }
        int id = data.getInt(start + 4);
        if (length > MAX_DATA_BYTES) {
            endRun(start);
            down.answer(Answers.refusal(
                    id,
                    Status.Code.RESOURCE_EXHAUSTED,
                    "the agent's answer of " + length + " bytes is larger than the limit"));
            return Verdict.DROP;
        }
        if (length == Answers.agentGoneLength()) {
            if (available < length) {
                return Verdict.MORE;
            }
            if (Answers.saysAgentGone(data, start + HEADER_BYTES)) {
                // The reference's forwarder keeps its connection when its agent is gone; for the shim it is as lost as
                // if it had closed it.
                agentGone = true;
                loop.afterEvent(() -> {
                    if (!link().isClosed()) {
                        link().close();
                        lost("the forwarder reports that the agent closed its connection");
                    }
                });
                return Verdict.DROP;
            }
        }
        down.answered(id);
        return Verdict.PASS;
    }

    @Override
    protected void pass(ByteBuffer run) {
        ShimConnection down = shim;
        if (down == null) {
            run.position(run.limit());
        } else {
            down.link().send(run);
        }
    }

    @Override
    protected void gathered(ByteBuffer frame) {
        throw new IllegalStateException("responses are never collected");
    }

    @Override
    public void drained() {
        ShimConnection down = shim;
        if (down != null) {
            down.upstreamDrained();
        }
    }

    @Override
    public void ended(String why) {
        lost(why);
    }

    private void lost(String why) {
        session.upstreamLost(this, why);
    }
}
