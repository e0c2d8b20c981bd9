// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One call at the server, as grpc-java's handlers see it. */
final class ServerStream<Q, A> extends ServerCall<Q, A> {
    private static final Logger log = LoggerFactory.getLogger(ServerStream.class);

    private final ServerConnection connection;
    private final int id;
    private final ServerMethodDefinition<Q, A> method;
    private final MethodDescriptor.MethodType type;
    private final boolean detached;
    private final Context.CancellableContext context;
    private final Metadata headers;
    private final Runnable release;
    private final AtomicBoolean released = new AtomicBoolean();
    private final SerialExecutor serial = new SerialExecutor(Deadlines.CALLS, this::releaseWhenDone);
    private final Inbox inbox;
    /** Set once, by whoever ends the call: its answer, its deadline or the loss of its connection. */
    private final AtomicBoolean ended = new AtomicBoolean();

    private volatile boolean cancelled;
    private volatile @Nullable Future<?> timer;
    /** The one message of a method that answers with one; it leaves together with the status. */
    private @Nullable ByteString answer;
    // These belong to the tasks of the serial executor.
    private ServerCall.@Nullable Listener<Q> listener;
    private boolean halfClosed;
    private boolean overanswered;

    ServerStream(
            ServerConnection connection,
            int id,
            ServerMethodDefinition<Q, A> method,
            boolean detached,
            Context.CancellableContext context,
            Metadata headers,
            Runnable release) {
        this.connection = connection;
        this.id = id;
        this.method = method;
        this.type = method.getMethodDescriptor().getType();
        this.detached = detached;
        this.context = context;
        this.headers = headers;
        this.release = release;
        this.inbox = connection.newInbox();
    }

    /** Runs the handler; on the reader's thread, after the stream can be found. */
    void start(ByteString payload, boolean closedByPeer, @Nullable Deadline deadline) {
        if (!type.clientSendsOneMessage()) {
            if (!payload.isEmpty() && !inbox.offer(payload)) {
                fail(connection.overBudget());
            }
            if (closedByPeer) {
                inbox.end();
            }
        }
        if (deadline != null) {
            watch(deadline);
        }
        serial.execute(() -> guarded(() -> {
            listener = method.getServerCallHandler().startCall(this, headers);
            listener.onReady();
            if (type.clientSendsOneMessage()) {
                // The inbox is for messages that come one by one; this one is here already.
                listener.onMessage(parse(payload));
                halfClosed = true;
                listener.onHalfClose();
            } else {
                pump();
            }
        }));
    }

    private void watch(Deadline deadline) {
        long left = deadline.timeRemaining(TimeUnit.NANOSECONDS);
        if (left <= 0) {
            expire();
            return;
        }
        timer = Deadlines.TIMER.schedule(this::expire, left, TimeUnit.NANOSECONDS);
        if (ended.get()) {
            cancelTimer();
        }
    }

    /** A data frame; on the reader's thread. */
    void receive(Frame.Whole frame) {
        if (type.clientSendsOneMessage()) {
            return;
        }
        if (!frame.header().has(FrameHeader.FLAG_NO_DATA) && !inbox.offer(frame.data())) {
            fail(connection.overBudget());
            return;
        }
        if (frame.header().has(FrameHeader.FLAG_REMOTE_CLOSED)) {
            inbox.end();
        }
        serial.execute(() -> guarded(this::pump));
    }

    private void pump() {
        ServerCall.Listener<Q> target = listener;
        if (target == null || halfClosed) {
            return;
        }
        for (ByteString message = inbox.poll(); message != null; message = inbox.poll()) {
            target.onMessage(parse(message));
        }
        if (inbox.isFinished()) {
            halfClosed = true;
            target.onHalfClose();
        }
    }

    private Q parse(ByteString message) {
        try {
            return method.getMethodDescriptor().parseRequest(message.newInput());
        } catch (RuntimeException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw Status.INVALID_ARGUMENT
                    .withDescription("the request message cannot be decoded: " + cause.getMessage())
                    .withCause(e)
                    .asRuntimeException();
        }
    }

    /** Runs handler code in the call's context; whatever it throws becomes the call's status. */
    private void guarded(Runnable handler) {
        if (ended.get() && !detached) {
            return;
        }
        Context before = context.attach();
        try {
            handler.run();
        } catch (Throwable e) {
            Statuses.Outcome outcome = Statuses.of(e);
            if (outcome.status().getCode() == Status.Code.UNKNOWN && !ended.get()) {
                log.atWarn()
                        .addKeyValue("method", method.getMethodDescriptor().getFullMethodName())
                        .setCause(e)
                        .log("a handler failed with an exception that carries no status");
            }
            close(outcome.status(), outcome.trailers());
        } finally {
            context.detach(before);
        }
    }

    @Override
    public void request(int count) {
        if (inbox.request(count)) {
            serial.execute(() -> guarded(this::pump));
        }
    }

    /** There are no response headers in ttrpc. */
    @Override
    public void sendHeaders(Metadata responseHeaders) {}

    /** Waits for room when the peer does not read. */
    @Override
    public void sendMessage(A message) {
        ByteString bytes = Envelopes.serialize(method.getMethodDescriptor().streamResponse(message));
        if (type.serverSendsOneMessage()) {
            overanswered |= answer != null;
            answer = bytes;
            return;
        }
        if (bytes.size() > connection.limits().maxMessageBytes()) {
            close(tooLong(bytes.size()), new Metadata());
            return;
        }
        connection.outbox().awaitRoom(ended::get);
        if (!ended.get()) {
            connection.outbox().post(Envelopes.frame(id, FrameHeader.TYPE_DATA, 0, bytes));
        }
    }

    /** Always: {@link #sendMessage} waits instead, for as long as the call lives. */
    @Override
    public boolean isReady() {
        return true;
    }

    @Override
    public void close(Status status, Metadata trailers) {
        if (ended.get()) {
            return;
        }
        connection.outbox().awaitRoom(ended::get);
        if (end(lastFrame(status, trailers))) {
            finish(ServerCall.Listener::onComplete);
        }
    }

    private byte[] lastFrame(Status status, Metadata trailers) {
        if (!status.isOk()) {
            Statuses.Outcome outcome = Statuses.of(status, trailers);
            ByteString encoded = Statuses.encode(outcome.status(), outcome.trailers());
            byte[] frame = ServerConnection.response(id, encoded, ByteString.EMPTY);
            return fits(frame) ? frame : failure(tooLong(frame.length - FrameHeader.HEADER_BYTES));
        }
        if (!type.serverSendsOneMessage()) {
            int flags = FrameHeader.FLAG_REMOTE_CLOSED | FrameHeader.FLAG_NO_DATA;
            return Envelopes.frame(id, FrameHeader.TYPE_DATA, flags, ByteString.EMPTY);
        }
        if (answer == null || overanswered) {
            return failure(Status.INTERNAL.withDescription("the handler of "
                    + method.getMethodDescriptor().getFullMethodName() + " gave "
                    + (overanswered ? "more than one answer" : "no answer")));
        }
        if (answer.size() > connection.limits().maxMessageBytes()) {
            return failure(tooLong(answer.size()));
        }
        byte[] frame = ServerConnection.response(id, ByteString.EMPTY, answer);
        return fits(frame) ? frame : failure(tooLong(frame.length - FrameHeader.HEADER_BYTES));
    }

    private boolean fits(byte[] frame) {
        return frame.length - FrameHeader.HEADER_BYTES <= connection.limits().maxMessageBytes();
    }

    private byte[] failure(Status status) {
        return ServerConnection.response(id, Statuses.encode(status, new Metadata()), ByteString.EMPTY);
    }

    private Status tooLong(int bytes) {
        return Status.RESOURCE_EXHAUSTED.withDescription("the answer of "
                + method.getMethodDescriptor().getFullMethodName() + " has " + bytes + " bytes, at most "
                + connection.limits().maxMessageBytes() + " can be sent with its envelope");
    }

    /** Ends the call with a status that is not the handler's; never waits. */
    void fail(Status status) {
        cutOff(failure(status), new IllegalStateException(status.getDescription()));
    }

    private void expire() {
        Status status = Status.DEADLINE_EXCEEDED.withDescription("the deadline of the call "
                + method.getMethodDescriptor().getFullMethodName() + " has passed at the server");
        cutOff(failure(status), new TimeoutException("the deadline of the call has passed"));
    }

    /** The connection is gone. */
    void lose() {
        cutOff(null, new IllegalStateException(Statuses.CLOSED_TEXT));
    }

    private void cutOff(byte @Nullable [] lastFrame, Exception why) {
        if (!end(lastFrame)) {
            return;
        }
        cancelled = true;
        connection.outbox().recheck();
        if (!detached) {
            // Listeners of the context are foreign code: not on the reader's or the timer's thread.
            Deadlines.CALLS.execute(() -> context.cancel(why));
            serial.interrupt();
        }
        finish(ServerCall.Listener::onCancel);
    }

    private boolean end(byte @Nullable [] lastFrame) {
        if (!ended.compareAndSet(false, true)) {
            return false;
        }
        if (lastFrame != null) {
            connection.outbox().post(lastFrame);
        }
        connection.forget(id);
        inbox.discard();
        cancelTimer();
        return true;
    }

    private void cancelTimer() {
        Future<?> scheduled = timer;
        if (scheduled != null) {
            scheduled.cancel(false);
        }
    }

    private interface Farewell {
        void to(ServerCall.Listener<?> listener);
    }

    private void finish(Farewell farewell) {
        serial.execute(() -> {
            Context before = context.attach();
            try {
                if (listener != null) {
                    farewell.to(listener);
                }
            } catch (RuntimeException e) {
                log.atWarn().setCause(e).log("a handler failed when it was told that its call has ended");
            } finally {
                context.detach(before);
                context.cancel(null);
            }
        });
    }

    private void releaseWhenDone() {
        if (ended.get() && serial.isIdle() && released.compareAndSet(false, true)) {
            release.run();
        }
    }

    /** Never for a detached service: generated code would throw at a handler that still wants to finish. */
    @Override
    public boolean isCancelled() {
        return cancelled && !detached;
    }

    @Override
    public MethodDescriptor<Q, A> getMethodDescriptor() {
        return method.getMethodDescriptor();
    }
}
