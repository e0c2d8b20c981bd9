// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.grpc.Status;
import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.relay.Answers;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.FrameStream;
import io.peerpod.relay.Link;
import io.peerpod.relay.PlainLink;
import io.peerpod.relay.Upstream;
import io.peerpod.relay.handover.HeldUpstream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One connection to the forwarder on the loop, before and after a shim's connection took it. Its frames go down verbatim. */
final class UpstreamConnection extends FrameStream implements Link.Handler {
    private final Session session;
    private final EventLoop loop;
    private @Nullable Link link;
    private @Nullable ShimConnection shim;
    private boolean agentGone;

    private UpstreamConnection(Session session) {
        this.session = session;
        loop = session.loop();
    }

    /** Takes a connection over from blocking code; only on the loop. */
    static UpstreamConnection adopt(Session session, Upstream upstream) throws IOException {
        UpstreamConnection connection = new UpstreamConnection(session);
        connection.link = upstream.link(session.loop(), connection);
        return connection;
    }

    /** Why a successor process could not go on with it, a clause; empty: it could. */
    Optional<String> obstacle() {
        return shim == null || link() instanceof PlainLink
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
        PlainLink plain = new PlainLink(session.loop(), AdoptedChannels.stream(descriptors.next()), connection);
        plain.restore(held.getPlain());
        connection.link = plain;
        return connection;
    }

    /** Goes on after {@link #restore}. */
    void begin() throws IOException {
        link().register();
    }

    void attach(ShimConnection connection) {
        shim = connection;
    }

    @Nullable
    ShimConnection shim() {
        return shim;
    }

    Link link() {
        Link present = link;
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
