// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.grpc.Status;
import io.peerpod.relay.Answers;
import io.peerpod.relay.Envelope;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.FrameStream;
import io.peerpod.relay.LoopBuffers;
import io.peerpod.relay.session.Message;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What clients and agent connection share. Everything here runs on the one loop. */
final class Switchboard {
    private static final Logger log = LoggerFactory.getLogger(Switchboard.class);
    private static final Duration DEADLINE_CHECK = Duration.ofMillis(100);

    /** A request that came before the agent did. */
    private record Waiting(Client client, ByteBuffer frame, long arrivedNanos, long deadlineNanos) {}

    private final EventLoop loop;
    private final GuestLimits limits;
    private final RequestEditor editor;
    private final MethodTable methods;
    private final List<String> protocols;
    private final KeptSockets kept;
    private final StreamTable streams = new StreamTable();
    private final Set<Client> clients = new LinkedHashSet<>();
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private final Envelope envelope = new Envelope();
    private int waitingBytes;
    private @Nullable AgentPort agent;

    Switchboard(EventLoop loop, GuestLimits limits, RequestEditor editor, boolean resumable, KeptSockets kept) {
        this.kept = kept;
        protocols = resumable ? List.of(Message.PROTOCOL) : List.of();
        this.loop = loop;
        this.limits = limits;
        this.editor = editor;
        methods = new MethodTable(editor);
    }

    void use(AgentPort port) {
        agent = port;
    }

    AgentPort agent() {
        AgentPort port = agent;
        if (port == null) {
            throw new IllegalStateException("the switchboard has no agent port yet");
        }
        return port;
    }

    EventLoop loop() {
        return loop;
    }

    GuestLimits limits() {
        return limits;
    }

    KeptSockets kept() {
        return kept;
    }

    /** What a client may choose over plain ttrpc. */
    List<String> protocols() {
        return protocols;
    }

    RequestEditor editor() {
        return editor;
    }

    MethodTable methods() {
        return methods;
    }

    StreamTable streams() {
        return streams;
    }

    Set<Client> clients() {
        return clients;
    }

    void release(ByteBuffer frame) {
        loop.buffers().release(frame);
    }

    /** Whether another client gets in. */
    boolean hasRoom() {
        return clients.size() < limits.maxClients();
    }

    /** Whether no byte that was taken is on its way inside this process. */
    boolean atRest() {
        if (!waiting.isEmpty() || !agent().atRest()) {
            return false;
        }
        for (Client client : clients) {
            if (!client.atRest()) {
                return false;
            }
        }
        return true;
    }

    /** Whether somebody else is there to whom the agent's answers could go. */
    boolean othersWait(Client behind) {
        return clients.stream().anyMatch(client -> client != behind && client.isConnected());
    }

    void add(Client client) {
        clients.add(client);
        log.atInfo()
                .addKeyValue("client", client.name())
                .addKeyValue("clients", clients.size())
                .log("a relay is connected");
    }

    void clientGone(Client client, String why) {
        clients.remove(client);
        waiting.removeIf(request -> {
            if (request.client() == client) {
                waitingBytes -= request.frame().limit();
                release(request.frame());
                return true;
            }
            return false;
        });
        agent().forget(client);
        log.atInfo()
                .addKeyValue("client", client.name())
                .addKeyValue("failure", why)
                .addKeyValue("clients", clients.size())
                .log("a relay is gone");
    }

    void reportEditFailure(String method, RuntimeException failure) {
        log.atError()
                .addKeyValue("method", method)
                .setCause(failure)
                .log("a request could not be prepared for the agent");
    }

    /** Whether a client may hold a frame of this size; a client that stopped in the middle of one makes room when it must. */
    boolean mayGather(Client asking, int length) {
        if (length + FrameStream.HEADER_BYTES <= LoopBuffers.CHUNK_BYTES) {
            return true;
        }
        long budget = (long) limits.maxLargeFrames() * (FrameStream.MAX_DATA_BYTES + FrameStream.HEADER_BYTES);
        if (loop.buffers().largeFrameBytes() + length <= budget) {
            return true;
        }
        long stalledSince = System.nanoTime() - limits.stallTimeout().toNanos();
        for (Client client : clients) {
            if (client != asking && client.unfinished() && client.lastReceivedNanos() - stalledSince < 0) {
                loop.afterEvent(() -> {
                    client.link().close();
                    client.gone("left a large message unfinished for " + limits.stallTimeout());
                });
            }
        }
        return false;
    }

    /** Keeps a request until there is an agent, or its own deadline has passed. */
    void await(Client client, ByteBuffer frame) {
        int id = frame.getInt(4);
        if (waiting.size() >= limits.maxWaitingRequests() || waitingBytes + frame.limit() > limits.maxWaitingBytes()) {
            release(frame);
            client.answer(Answers.refusal(
                    id,
                    Status.Code.RESOURCE_EXHAUSTED,
                    "the agent is not there yet and too many requests wait for it already"));
            return;
        }
        long now = System.nanoTime();
        long timeout = envelope.scan(frame, FrameStream.HEADER_BYTES, frame.limit()) ? envelope.timeoutNanos() : 0;
        long deadline = timeout > 0 && timeout < Long.MAX_VALUE / 4 ? now + timeout : now + Long.MAX_VALUE / 4;
        waitingBytes += frame.limit();
        waiting.add(new Waiting(client, frame, now, deadline));
        if (waiting.size() == 1) {
            loop.after(DEADLINE_CHECK, this::checkDeadlines);
        }
    }

    private void checkDeadlines() {
        long now = System.nanoTime();
        List<Waiting> late = new ArrayList<>();
        waiting.removeIf(request -> request.deadlineNanos() - now <= 0 && late.add(request));
        for (Waiting request : late) {
            waitingBytes -= request.frame().limit();
            int id = request.frame().getInt(4);
            release(request.frame());
            request.client()
                    .answer(Answers.refusal(
                            id,
                            Status.Code.DEADLINE_EXCEEDED,
                            "the agent has not come up within the caller's deadline: " + agent().state()));
        }
        if (!waiting.isEmpty()) {
            loop.after(DEADLINE_CHECK, this::checkDeadlines);
        }
    }

    /** Sends what has waited, in its order. */
    void agentConnected() {
        for (Waiting request = waiting.poll(); request != null; request = waiting.poll()) {
            waitingBytes -= request.frame().limit();
            request.client().forward(request.frame(), request.arrivedNanos());
        }
    }

    /**
     * The agent went away: an open DestroySandbox has succeeded, since the agent often leaves without answering it; for everybody else a closed connection is the only answer that shims
     * understand.
     */
    void agentLost() {
        streams.clear((client, id) -> client.answer(Answers.success(id)));
        for (Client client : List.copyOf(clients)) {
            client.link().finish();
            client.gone("the agent closed its connection");
        }
    }
}
