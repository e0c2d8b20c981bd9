// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.relay.Answers;
import io.peerpod.relay.Envelope;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.FrameStream;
import io.peerpod.relay.Link;
import io.peerpod.relay.LoopBuffers;
import io.peerpod.relay.PlainLink;
import io.peerpod.relay.handover.HeldShim;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection on the agent socket. Until its first byte it has no upstream and costs no thread, as the silent second connection of runtime-rs deserves. Its frames go up verbatim; only
 * CreateContainer is taken out, changed elsewhere, and sent when it is ready.
 */
final class ShimConnection extends FrameStream implements Link.Handler {
    private static final Logger log = LoggerFactory.getLogger(ShimConnection.class);
    private static final String AGENT = "grpc.AgentService";
    private static final byte[] CREATE = Envelope.prefix(AGENT, "CreateContainer");
    private static final byte[] DESTROY = Envelope.prefix(AGENT, "DestroySandbox");

    /** Output that one side may leave unread before the other side is paused. */
    static final int MAX_UNSENT_BYTES = 1 << 20;

    /** CreateContainer requests that are being changed at the same time. */
    private static final int MAX_RUNNING_EDITS = 64;

    private final Session session;
    private final EventLoop loop;
    private final PlainLink link;
    private final Envelope envelope = new Envelope();
    private final Set<Integer> openDestroys = new HashSet<>();
    private volatile boolean destroyed;
    private final ArrayDeque<ByteBuffer> readyRequests = new ArrayDeque<>();
    private final ArrayDeque<ByteBuffer> answers = new ArrayDeque<>();
    private @Nullable ByteBuffer firstBytes;
    private @Nullable UpstreamConnection upstream;
    private final Map<Integer, ByteBuffer> runningEdits = new LinkedHashMap<>();

    ShimConnection(Session session, SocketChannel channel) {
        this.session = session;
        loop = session.loop();
        link = new PlainLink(loop, channel, this);
    }

    void register() throws IOException {
        link.register();
    }

    PlainLink link() {
        return link;
    }

    @Nullable
    UpstreamConnection upstream() {
        return upstream;
    }

    /** Gives it its way to the agent; what it sent meanwhile goes there first. */
    void attach(UpstreamConnection connection) {
        upstream = connection;
        connection.attach(this);
        ByteBuffer first = firstBytes;
        firstBytes = null;
        if (first != null) {
            ByteBuffer data = loop.buffers().plain();
            data.put(first).limit(data.position()).position(LoopBuffers.HEADROOM_BYTES);
            link.resume();
            received(data);
        }
    }

    @Override
    public void received(ByteBuffer data) {
        UpstreamConnection up = upstream;
        if (up == null) {
            link.pause();
            firstBytes = ByteBuffer.allocate(data.remaining()).put(data).flip();
            session.wantUpstream(this);
            return;
        }
        feed(data);
        if (!midFrame()) {
            sendReadyRequests(up);
        }
        if (up.link().unsentBytes() > MAX_UNSENT_BYTES) {
            link.pause();
        }
    }

    /** The upstream has taken everything. */
    void upstreamDrained() {
        link.resume();
    }

    @Override
    public void drained() {
        UpstreamConnection up = upstream;
        if (up != null) {
            up.link().resume();
        }
    }

    @Override
    protected Verdict inspect(ByteBuffer data, int start, long length, int available) {
        UpstreamConnection up = upstream;
        if (up != null && !readyRequests.isEmpty()) {
            endRun(start);
            sendReadyRequests(up);
        }
        boolean request = data.get(start + 8) == REQUEST;
        if (length > MAX_DATA_BYTES) {
            if (request) {
                answer(Answers.refusal(
                        data.getInt(start + 4),
                        Status.Code.RESOURCE_EXHAUSTED,
                        "message of " + length + " bytes is larger than the limit of " + MAX_DATA_BYTES
                                + " bytes; send it in smaller pieces"));
            }
            return Verdict.DROP;
        }
        return request ? judge(data, start, length, available) : Verdict.PASS;
    }

    private Verdict judge(ByteBuffer data, int start, long length, int available) {
        int from = start + HEADER_BYTES;
        return switch (Envelope.peek(data, from, available, CREATE)) {
            case MATCH, UNUSUAL -> Verdict.GATHER;
            case SHORT -> available < length ? Verdict.MORE : Verdict.PASS;
            case OTHER ->
                switch (Envelope.peek(data, from, available, DESTROY)) {
                    case MATCH -> {
                        destroyAsked(data.getInt(start + 4));
                        yield Verdict.PASS;
                    }
                    case SHORT -> available < length ? Verdict.MORE : Verdict.PASS;
                    case OTHER, UNUSUAL -> Verdict.PASS;
                };
        };
    }

    @Override
    protected void pass(ByteBuffer run) {
        UpstreamConnection up = upstream;
        if (up == null) {
            run.position(run.limit());
        } else {
            up.link().send(run);
        }
    }

    /** A request that may be a CreateContainer. One that is no protobuf message goes on as it is: the agent shall say so. */
    @Override
    protected void gathered(ByteBuffer frame) {
        int id = frame.getInt(4);
        boolean wellFormed = envelope.scan(frame, HEADER_BYTES, frame.limit());
        String method = wellFormed && envelope.service(frame).equals(AGENT) ? envelope.method(frame) : "";
        if (!method.equals("CreateContainer")) {
            if (method.equals("DestroySandbox")) {
                destroyAsked(id);
            }
            pass(frame);
            return;
        }
        startEdit(frame, id);
    }

    private void startEdit(ByteBuffer frame, int id) {
        if (runningEdits.size() >= MAX_RUNNING_EDITS) {
            answer(Answers.refusal(
                    id, Status.Code.RESOURCE_EXHAUSTED, "too many CreateContainer calls at the same time"));
            return;
        }
        runningEdits.put(id, frame);
        byte[] payload = envelope.payload(frame);
        Thread.ofVirtual().name("create-container " + session.id()).start(() -> edit(frame, id, payload));
    }

    private void edit(ByteBuffer frame, int id, byte[] payload) {
        ByteBuffer request = frame;
        ByteBuffer refusal = null;
        try {
            byte[] edited = session.containerEdit().edit(payload);
            Envelope own = new Envelope();
            own.scan(frame, HEADER_BYTES, frame.limit());
            request = own.withPayload(frame, 0, frame.limit(), edited);
            if (request.limit() - HEADER_BYTES > MAX_DATA_BYTES) {
                refusal = Answers.refusal(
                        id, Status.Code.RESOURCE_EXHAUSTED, "CreateContainer is too large for the agent after editing");
            }
        } catch (StatusException e) {
            String message = e.getStatus().getDescription();
            refusal = Answers.refusal(id, e.getStatus().getCode(), message == null ? "" : message);
        } catch (RuntimeException e) {
            log.atError().addKeyValue("sandbox", session.id()).setCause(e).log("CreateContainer could not be edited");
            refusal = Answers.refusal(id, Status.Code.INTERNAL, "the relay could not edit CreateContainer: " + e);
        }
        ByteBuffer ready = request;
        ByteBuffer answer = refusal;
        loop.execute(() -> finishEdit(id, ready, answer));
    }

    private void finishEdit(int id, ByteBuffer request, @Nullable ByteBuffer refusal) {
        runningEdits.remove(id);
        UpstreamConnection up = upstream;
        if (link.isClosed() || up == null) {
            return;
        }
        if (refusal != null) {
            answer(refusal);
            return;
        }
        readyRequests.add(request);
        if (!midFrame()) {
            sendReadyRequests(up);
        }
    }

    private void sendReadyRequests(UpstreamConnection up) {
        for (ByteBuffer request = readyRequests.poll(); request != null; request = readyRequests.poll()) {
            up.link().send(request);
        }
    }

    /** Sends a response of our own, behind the frame that is under way. */
    void answer(ByteBuffer frame) {
        answers.add(frame);
        UpstreamConnection up = upstream;
        if (up == null || !up.midFrame()) {
            sendAnswers();
        }
    }

    /** Whether {@link #sendAnswers} has something to do. */
    boolean hasAnswers() {
        return !answers.isEmpty();
    }

    void sendAnswers() {
        for (ByteBuffer frame = answers.poll(); frame != null; frame = answers.poll()) {
            link.send(frame);
        }
    }

    /** A response goes by. */
    void answered(int streamId) {
        if (!openDestroys.isEmpty()) {
            openDestroys.remove(streamId);
        }
    }

    /**
     * The upstream is gone for good. An open DestroySandbox has succeeded, since the agent often leaves before it answers; every other call ends with the connection, which is the only thing that
     * makes a shim give up in good order.
     */
    void upstreamLost(boolean insideFrame) {
        if (!insideFrame) {
            for (int id : openDestroys) {
                answers.add(Answers.success(id));
            }
            sendAnswers();
        }
        openDestroys.clear();
        link.finish();
    }

    private void destroyAsked(int streamId) {
        destroyed = true;
        openDestroys.add(streamId);
    }

    /** Whether the shim has asked for DestroySandbox, after which the agent leaves in good order. */
    boolean destroyed() {
        return destroyed;
    }

    /** What a successor process needs beside the descriptors, which are added to the list. */
    HeldShim hold(List<Integer> descriptors) {
        descriptors.add(AdoptedChannels.descriptor(link.channel()));
        HeldShim.Builder held = HeldShim.newBuilder()
                .setLink(link.held())
                .setFrames(heldFrames())
                .addAllOpenDestroys(openDestroys)
                .setDestroyed(destroyed);
        readyRequests.forEach(request -> held.addReadyRequests(ByteString.copyFrom(request.duplicate())));
        answers.forEach(answer -> held.addAnswers(ByteString.copyFrom(answer.duplicate())));
        runningEdits.values().forEach(frame -> held.addRunningEdits(ByteString.copyFrom(frame.duplicate())));
        ByteBuffer first = firstBytes;
        if (first != null) {
            held.setFirstBytes(ByteString.copyFrom(first.duplicate()));
        }
        UpstreamConnection up = upstream;
        if (up != null) {
            held.setUpstream(up.hold(descriptors));
        }
        return held.build();
    }

    /** Stands where a predecessor's connection stood; reads and sends nothing before {@link #begin}. */
    void restore(HeldShim held, @Nullable UpstreamConnection way) {
        link.restore(held.getLink());
        restoreFrames(held.getFrames());
        openDestroys.addAll(held.getOpenDestroysList());
        destroyed = held.getDestroyed();
        held.getReadyRequestsList().forEach(request -> readyRequests.add(ByteBuffer.wrap(request.toByteArray())));
        held.getAnswersList().forEach(answer -> answers.add(ByteBuffer.wrap(answer.toByteArray())));
        for (ByteString frame : held.getRunningEditsList()) {
            ByteBuffer request = ByteBuffer.wrap(frame.toByteArray());
            runningEdits.put(request.getInt(4), request);
        }
        if (!held.getFirstBytes().isEmpty()) {
            firstBytes = ByteBuffer.wrap(held.getFirstBytes().toByteArray());
        }
        upstream = way;
        if (way != null) {
            way.attach(this);
        }
    }

    /** Goes on after {@link #restore}. Edits that were under way are begun anew: they read the request and the node, and change neither. */
    void begin() throws IOException {
        UpstreamConnection up = upstream;
        if (up != null) {
            up.begin();
        }
        link.register();
        if (up != null && up.link().unsentBytes() <= MAX_UNSENT_BYTES) {
            // It may have been held back for a reason that did not come along, such as scarce memory there.
            link.resume();
        }
        List<ByteBuffer> frames = List.copyOf(runningEdits.values());
        runningEdits.clear();
        for (ByteBuffer frame : frames) {
            envelope.scan(frame, HEADER_BYTES, frame.limit());
            startEdit(frame, frame.getInt(4));
        }
        if (firstBytes != null) {
            session.wantUpstream(this);
        }
    }

    /** Closes both sides without a word. */
    void close() {
        link.close();
        UpstreamConnection up = upstream;
        if (up != null) {
            up.link().close();
        }
    }

    @Override
    public void ended(String why) {
        close();
        session.shimGone(this, why);
    }
}
