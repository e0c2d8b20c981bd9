// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpod.relay.Answers;
import io.peerpod.relay.Envelope;
import io.peerpod.relay.FrameStream;
import io.peerpod.relay.Link;
import io.peerpod.relay.Pipe;
import io.peerpod.relay.session.SessionPipe;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One authenticated connection of a relay. Its requests go to the agent as whole frames, so that a client that stops in the middle of one holds up nobody else.
 */
final class Client extends FrameStream implements Link.Handler {
    private static final int MAX_RUNNING_EDITS = 64;
    private static final String TOO_MANY_STREAMS = "too many open calls on the agent connection";

    private final Switchboard board;
    private final String name;
    private final Envelope envelope = new Envelope();
    private final ArrayDeque<ByteBuffer> deferred = new ArrayDeque<>();
    private final Set<Thread> edits = new HashSet<>();
    private @Nullable Pipe link;
    private long lastReceivedNanos;

    Client(Switchboard board, String name) {
        this.board = board;
        this.name = name;
    }

    void attach(Pipe connected) {
        link = connected;
    }

    String name() {
        return name;
    }

    Pipe link() {
        Pipe present = link;
        if (present == null) {
            throw new IllegalStateException("client " + name + " has no link yet");
        }
        return present;
    }

    boolean isClosed() {
        return link().isClosed();
    }

    /** Whether nothing that it sent is still here. What a plain connection sent dies with it, so that this only matters for a session. */
    boolean atRest() {
        return !(link instanceof SessionPipe) || (!unfinished() && edits.isEmpty() && deferred.isEmpty());
    }

    /** Whether it can be reached now; a session may be between two connections. */
    boolean isConnected() {
        return !(link instanceof SessionPipe session) || session.isConnected();
    }

    /** When a part of an unfinished frame last came in. */
    long lastReceivedNanos() {
        return lastReceivedNanos;
    }

    @Override
    public void received(ByteBuffer data) {
        feed(data);
        if (unfinished()) {
            lastReceivedNanos = System.nanoTime();
        }
        board.agent().throttle(this);
    }

    @Override
    public void filled(int count) {
        super.filled(count);
        lastReceivedNanos = System.nanoTime();
    }

    @Override
    protected Verdict inspect(ByteBuffer data, int start, long length, int available) {
        int id = data.getInt(start + 4);
        byte type = data.get(start + 8);
        if (type != REQUEST && type != DATA) {
            return Verdict.DROP;
        }
        if (length > MAX_DATA_BYTES) {
            refuse(
                    type,
                    id,
                    Status.Code.RESOURCE_EXHAUSTED,
                    "message of " + length + " bytes is larger than the limit of " + MAX_DATA_BYTES
                            + " bytes; send it in smaller pieces");
            return Verdict.DROP;
        }
        if ((id & 1) == 0) {
            refuse(
                    type,
                    id,
                    Status.Code.INVALID_ARGUMENT,
                    "stream id " + Integer.toUnsignedString(id) + " is even; clients use odd ids");
            return Verdict.DROP;
        }
        if (available < length) {
            return board.mayGather(this, (int) length) ? Verdict.GATHER : tooMuch(type, id, length);
        }
        if (type == DATA) {
            // No interface behind this relay streams, and a data frame on a unary stream can bring a peer down.
            return Verdict.DROP;
        }
        return request(data, start, (int) length, id);
    }

    private Verdict request(ByteBuffer data, int start, int length, int id) {
        int from = start + HEADER_BYTES;
        boolean wellFormed = envelope.scan(data, from, from + length);
        MethodTable.Method method = wellFormed ? board.methods().of(data, envelope) : null;
        if (!board.agent().connected() || (method != null && method.edited())) {
            return board.mayGather(this, length) ? Verdict.GATHER : tooMuch(REQUEST, id, length);
        }
        if (board.streams().full()) {
            refuse(REQUEST, id, Status.Code.RESOURCE_EXHAUSTED, TOO_MANY_STREAMS);
            return Verdict.DROP;
        }
        int agentId = board.agent().open(this, id, method != null && method.destroysSandbox());
        data.putInt(start + 4, agentId);
        return Verdict.PASS;
    }

    private Verdict tooMuch(byte type, int id, long length) {
        refuse(
                type,
                id,
                Status.Code.RESOURCE_EXHAUSTED,
                "the forwarder is receiving too many large messages at the same time (" + length
                        + " bytes more); try again");
        return Verdict.DROP;
    }

    private void refuse(byte type, int id, Status.Code code, String message) {
        if (type == REQUEST) {
            answer(Answers.refusal(id, code, message));
        }
    }

    @Override
    protected ByteBuffer gatherBuffer(int bytes) {
        return board.loop().buffers().frame(bytes);
    }

    @Override
    protected void pass(ByteBuffer run) {
        board.agent().send(run);
    }

    @Override
    protected void gathered(ByteBuffer frame) {
        if (frame.get(8) == DATA) {
            board.release(frame);
            return;
        }
        if (board.agent().connected()) {
            forward(frame, System.nanoTime());
        } else {
            board.await(this, frame);
        }
    }

    /** Sends a whole request to the agent, through the editor when it is one of its methods. */
    void forward(ByteBuffer frame, long arrivedNanos) {
        boolean wellFormed = envelope.scan(frame, HEADER_BYTES, frame.limit());
        MethodTable.Method method = wellFormed ? board.methods().of(frame, envelope) : null;
        int id = frame.getInt(4);
        if (method != null && method.edited()) {
            edit(frame, id, method, arrivedNanos);
            return;
        }
        sendWhole(frame, id, method != null && method.destroysSandbox());
    }

    private void sendWhole(ByteBuffer frame, int id, boolean destroysSandbox) {
        if (isClosed()) {
            board.release(frame);
            return;
        }
        if (board.streams().full()) {
            board.release(frame);
            refuse(REQUEST, id, Status.Code.RESOURCE_EXHAUSTED, TOO_MANY_STREAMS);
            return;
        }
        frame.putInt(4, board.agent().open(this, id, destroysSandbox));
        board.agent().sendOwned(frame);
    }

    private void edit(ByteBuffer frame, int id, MethodTable.Method method, long arrivedNanos) {
        if (edits.size() >= MAX_RUNNING_EDITS) {
            board.release(frame);
            refuse(
                    REQUEST,
                    id,
                    Status.Code.RESOURCE_EXHAUSTED,
                    "too many " + method.name() + " calls at the same time");
            return;
        }
        byte[] payload = envelope.payload(frame);
        long timeout = envelope.timeoutNanos();
        Optional<Duration> remaining = timeout <= 0
                ? Optional.empty()
                : Optional.of(Duration.ofNanos(Math.max(0, timeout - (System.nanoTime() - arrivedNanos))));
        Thread thread = Thread.ofVirtual().name("edit " + method.name()).unstarted(() -> {
            @Nullable ByteBuffer answer = null;
            byte[] edited = payload;
            try {
                edited = board.editor().edit(method.service(), method.name(), payload, remaining);
            } catch (StatusException e) {
                String message = e.getStatus().getDescription();
                answer = Answers.refusal(id, e.getStatus().getCode(), message == null ? "" : message);
            } catch (InterruptedException e) {
                answer = Answers.refusal(id, Status.Code.CANCELLED, method.name() + " was cancelled");
            } catch (RuntimeException e) {
                board.reportEditFailure(method.name(), e);
                answer = Answers.refusal(
                        id, Status.Code.INTERNAL, "the forwarder could not prepare " + method.name() + ": " + e);
            }
            ByteBuffer refusal = answer;
            byte[] result = edited;
            Thread self = Thread.currentThread();
            board.loop().execute(() -> {
                edits.remove(self);
                finishEdit(frame, id, method.destroysSandbox(), result, refusal);
            });
        });
        edits.add(thread);
        thread.start();
    }

    private void finishEdit(
            ByteBuffer frame, int id, boolean destroysSandbox, byte[] payload, @Nullable ByteBuffer refusal) {
        if (refusal != null || isClosed() || !board.agent().connected()) {
            board.release(frame);
            if (refusal != null) {
                answer(refusal);
            }
            return;
        }
        envelope.scan(frame, HEADER_BYTES, frame.limit());
        ByteBuffer changed = envelope.withPayload(frame, 0, frame.limit(), payload);
        board.release(frame);
        if (changed.limit() - HEADER_BYTES > MAX_DATA_BYTES) {
            refuse(REQUEST, id, Status.Code.RESOURCE_EXHAUSTED, "the request is too large for the agent after editing");
            return;
        }
        if (board.streams().full()) {
            refuse(REQUEST, id, Status.Code.RESOURCE_EXHAUSTED, TOO_MANY_STREAMS);
            return;
        }
        changed.putInt(4, board.agent().open(this, id, destroysSandbox));
        board.agent().send(changed);
    }

    /** Sends a response of our own, behind the frame that is under way. */
    void answer(ByteBuffer frame) {
        if (board.agent().midFrameTo(this)) {
            deferred.add(frame);
        } else {
            link().send(frame);
        }
    }

    /** The frame that was under way has ended. */
    void flushDeferred() {
        for (ByteBuffer frame = deferred.poll(); frame != null; frame = deferred.poll()) {
            link().send(frame);
        }
    }

    @Override
    public void drained() {
        board.agent().release(this);
    }

    @Override
    public void ended(String why) {
        gone(why);
    }

    /** Lets go of everything; its open streams stay with the agent until they are answered. */
    void gone(String why) {
        ByteBuffer part = abandon();
        if (part != null) {
            board.release(part);
        }
        for (Thread thread : edits) {
            thread.interrupt();
        }
        deferred.clear();
        board.clientGone(this, why);
    }
}
