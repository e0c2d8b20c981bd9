// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import com.google.protobuf.ByteString;
import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionStatus.State;
import io.peerpod.relay.Wire;
import io.peerpod.relay.handover.HeldSession;
import io.peerpod.relay.handover.HeldShim;
import io.peerpod.relay.handover.HeldUpstream;
import io.peerpod.relay.handover.Part;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Sessions as parts of a hand-over, and back. */
final class HeldSessions {
    private HeldSessions() {}

    /** Why a session could not change processes, a sentence; only on its loop, or while that stands still. */
    static Optional<String> obstacle(Session session) {
        Session.Parts parts = session.parts();
        for (ShimConnection shim : parts.shims()) {
            UpstreamConnection upstream = shim.upstream();
            Optional<String> why = upstream == null ? Optional.empty() : upstream.obstacle();
            if (why.isPresent()) {
                return Optional.of("sandbox " + session.id() + " keeps this relay: " + why.get());
            }
        }
        return Optional.empty();
    }

    /** A session as it stands; its sockets remain open here. Only while its loop stands still. */
    static Part hold(Session session) {
        Session.Parts parts = session.parts();
        List<Integer> descriptors = new ArrayList<>();
        HeldSession.Builder held = HeldSession.newBuilder()
                .setSpec(Wire.toMessage(session.spec()))
                .setState(parts.state().name())
                .setReason(parts.reason())
                .setBudgetLeftNanos(parts.openingBudget().toNanos());
        InetAddress answering = parts.answering();
        if (answering != null) {
            held.setAnsweringAddress(ByteString.copyFrom(answering.getAddress()));
        }
        ShimListener listener = parts.listener();
        if (listener != null) {
            held.setListener(true);
            descriptors.add(listener.descriptor());
        }
        for (ShimConnection shim : parts.shims()) {
            held.addShims(shim.hold(descriptors));
        }
        held.setPrimary(parts.primary() == null ? -1 : parts.shims().indexOf(parts.primary()));
        UpstreamConnection prepared = parts.prepared();
        if (prepared != null) {
            held.setPrepared(prepared.hold(descriptors));
        }
        return new Part(Part.Kind.SESSION, held.build().toByteString(), descriptors);
    }

    /**
     * Puts a session of a predecessor together; only on its loop.
     *
     * @param session made for the spec, nothing was done with it yet
     * @throws IllegalArgumentException when what came contradicts itself
     */
    static Session.Parts restore(
            Session session, HeldSession held, List<Integer> descriptors, DialledAhead dialledAhead)
            throws IOException, RelayException {
        Iterator<Integer> left = descriptors.iterator();
        try {
            ShimListener listener = held.getListener() ? ShimListener.adopt(session, left.next()) : null;
            List<ShimConnection> shims = new ArrayList<>();
            for (HeldShim each : held.getShimsList()) {
                SocketChannel channel = AdoptedChannels.stream(left.next());
                ShimConnection shim = new ShimConnection(session, channel);
                shim.restore(each, each.hasUpstream() ? upstream(session, each.getUpstream(), left) : null);
                shims.add(shim);
            }
            UpstreamConnection prepared = held.hasPrepared() ? upstream(session, held.getPrepared(), left) : null;
            if (left.hasNext()) {
                throw new IllegalArgumentException("sandbox " + session.id() + " came with sockets that nothing names");
            }
            Session.Parts parts = new Session.Parts(
                    State.valueOf(held.getState()),
                    held.getReason(),
                    listener,
                    prepared,
                    held.hasPrepared() && prepared == null,
                    shims,
                    held.getPrimary() < 0 ? null : shims.get(held.getPrimary()),
                    held.getAnsweringAddress().isEmpty()
                            ? null
                            : InetAddress.getByAddress(
                                    held.getAnsweringAddress().toByteArray()),
                    Duration.ofNanos(held.getBudgetLeftNanos()));
            session.restore(parts, dialledAhead);
            return parts;
        } catch (NoSuchElementException | IndexOutOfBoundsException e) {
            throw new IllegalArgumentException("sandbox " + session.id() + " came with too few sockets or shims", e);
        }
    }

    private static @Nullable UpstreamConnection upstream(Session session, HeldUpstream held, Iterator<Integer> left)
            throws IOException {
        return held.getFresh() ? null : UpstreamConnection.restore(session, held, left);
    }
}
