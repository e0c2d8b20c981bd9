// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.peerpod.ttrpc.wire.Request;
import io.peerpod.ttrpc.wire.Response;
import java.io.IOException;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** One call at the client, as grpc-java's stubs see it. */
final class ClientStream<Q, A> extends ClientCall<Q, A> {
    private final TtrpcChannel channel;
    private final MethodDescriptor<Q, A> method;
    private final MethodDescriptor.MethodType type;
    private final CallOptions options;
    private final Context context = Context.current();
    private final SerialExecutor serial;
    private final Inbox inbox;
    /** Set once, when the call has ended for the wire; its callbacks may still be to come. */
    private final AtomicBoolean ended = new AtomicBoolean();
    /** How the server ended the call; told after the messages before it. */
    private final AtomicReference<Statuses.@Nullable Outcome> outcome = new AtomicReference<>();

    private final Context.CancellationListener cancellation = this::contextCancelled;
    private volatile int id;
    private volatile @Nullable Future<?> timer;
    private volatile boolean stopped;
    // These are set before the call is opened.
    private @Nullable Listener<A> listener;
    private Metadata headers = new Metadata();
    private @Nullable Deadline deadline;
    private ByteString onlyMessage = ByteString.EMPTY;
    // Belongs to the tasks of the serial executor.
    private boolean told;

    ClientStream(TtrpcChannel channel, MethodDescriptor<Q, A> method, CallOptions options) {
        this.channel = channel;
        this.method = method;
        this.type = method.getType();
        this.options = options;
        Executor executor = options.getExecutor();
        this.serial = new SerialExecutor(executor == null ? Deadlines.CALLS : executor, () -> {});
        this.inbox = type.serverSendsOneMessage() ? channel.newInboxForOne() : channel.newInbox();
    }

    @Override
    public void start(Listener<A> responseListener, Metadata requestHeaders) {
        if (listener != null) {
            throw new IllegalStateException("the call was started already");
        }
        listener = responseListener;
        headers = requestHeaders;
        deadline = sooner(options.getDeadline(), context.getDeadline());
        context.addListener(cancellation, Deadlines.CALLS);
        if (deadline != null) {
            long left = deadline.timeRemaining(TimeUnit.NANOSECONDS);
            if (left <= 0) {
                expire();
                return;
            }
            timer = Deadlines.TIMER.schedule(this::expire, left, TimeUnit.NANOSECONDS);
            if (ended.get()) {
                release();
            }
        }
        if (!type.clientSendsOneMessage()) {
            // Some servers take a request without this flag for the stream's first, empty message.
            open(FrameHeader.FLAG_REMOTE_OPEN | FrameHeader.FLAG_NO_DATA, ByteString.EMPTY);
        }
        serial.execute(responseListener::onReady);
    }

    private static @Nullable Deadline sooner(@Nullable Deadline one, @Nullable Deadline other) {
        if (one == null || other == null) {
            return one == null ? other : one;
        }
        return one.minimum(other);
    }

    /** Sends the request frame. */
    private void open(int flags, ByteString payload) {
        Request.Builder request = Request.newBuilder().setPayload(payload).addAllMetadata(Envelopes.pairs(headers));
        String fullName = method.getFullMethodName();
        int slash = fullName.lastIndexOf('/');
        request.setService(fullName.substring(0, slash)).setMethod(fullName.substring(slash + 1));
        if (deadline != null) {
            // 0 would mean no limit at all.
            request.setTimeoutNano(Math.max(1, deadline.timeRemaining(TimeUnit.NANOSECONDS)));
        }
        Request message = request.build();
        if (message.getSerializedSize() > channel.limits().maxMessageBytes()) {
            fail(tooLong(message.getSerializedSize()));
            return;
        }
        byte[] frame = Envelopes.frame(0, FrameHeader.TYPE_REQUEST, flags, message);
        channel.outbox().awaitRoom(ended::get);
        if (ended.get()) {
            return;
        }
        Status refused = channel.open(this, frame);
        if (refused != null) {
            fail(refused);
        } else if (ended.get()) {
            channel.forget(id);
        }
    }

    private Status tooLong(long bytes) {
        return Status.RESOURCE_EXHAUSTED.withDescription(
                "the message of " + method.getFullMethodName() + " has " + bytes + " bytes with its envelope, at most "
                        + channel.limits().maxMessageBytes() + " can be sent");
    }

    /** The call has its number; before its frame leaves. */
    void opened(int streamId) {
        id = streamId;
    }

    /** Waits for room when the server does not read, but not beyond the call's end. */
    @Override
    public void sendMessage(Q message) {
        ByteString bytes = Envelopes.serialize(method.streamRequest(message));
        if (type.clientSendsOneMessage()) {
            onlyMessage = bytes;
            return;
        }
        if (bytes.size() > channel.limits().maxMessageBytes()) {
            fail(tooLong(bytes.size()));
            return;
        }
        send(0, bytes);
    }

    @Override
    public void halfClose() {
        if (type.clientSendsOneMessage()) {
            open(type.serverSendsOneMessage() ? 0 : FrameHeader.FLAG_REMOTE_CLOSED, onlyMessage);
        } else {
            send(FrameHeader.FLAG_REMOTE_CLOSED | FrameHeader.FLAG_NO_DATA, ByteString.EMPTY);
        }
    }

    private void send(int flags, ByteString bytes) {
        channel.outbox().awaitRoom(ended::get);
        if (!ended.get()) {
            channel.outbox().post(Envelopes.frame(id, FrameHeader.TYPE_DATA, flags, bytes));
        }
    }

    @Override
    public boolean isReady() {
        return !ended.get();
    }

    @Override
    public void request(int count) {
        if (inbox.request(count)) {
            serial.execute(this::pump);
        }
    }

    /** Nothing tells the server: ttrpc has no such frame. Its answer will be dropped. */
    @Override
    public void cancel(@Nullable String message, @Nullable Throwable cause) {
        Status status = Status.CANCELLED;
        fail((message == null ? status : status.withDescription(message)).withCause(cause));
    }

    private void contextCancelled(Context cancelled) {
        Throwable cause = cancelled.cancellationCause();
        Status status = Contexts.statusFromCancelled(cancelled);
        fail(status == null ? Status.CANCELLED.withCause(cause) : status);
    }

    private void expire() {
        fail(Status.DEADLINE_EXCEEDED.withDescription(
                "no answer to " + method.getFullMethodName() + " came before the deadline of the call"));
    }

    /** Ends the call here and now; messages that were not taken are dropped. */
    void fail(Status status) {
        if (end(Statuses.Outcome.of(status))) {
            stopped = true;
            inbox.discard();
            channel.outbox().recheck();
            serial.execute(this::pump);
        }
    }

    /** A frame of this stream; on the reader's thread, which must not wait. */
    void receive(Frame frame) {
        switch (frame) {
            case Frame.Oversized(FrameHeader header) ->
                fail(Status.RESOURCE_EXHAUSTED.withDescription(
                        "the server's message has " + header.dataBytes() + " bytes with its envelope, at most "
                                + channel.limits().maxMessageBytes() + " are accepted"));
            case Frame.Whole(FrameHeader header, ByteString data) -> {
                switch (header.type()) {
                    case FrameHeader.TYPE_RESPONSE -> receiveResponse(data);
                    case FrameHeader.TYPE_DATA -> receiveData(header, data);
                    default -> {
                        // Requests have no business here and other types are of versions to come.
                    }
                }
            }
        }
    }

    private void receiveResponse(ByteString data) {
        try {
            Response response = Envelopes.response(data);
            Statuses.Outcome result = Statuses.decode(response.getStatus());
            boolean message = result.status().isOk()
                    && (type.serverSendsOneMessage() || !response.getPayload().isEmpty());
            if (message && !inbox.offer(response.getPayload())) {
                fail(overflow());
                return;
            }
            complete(result);
        } catch (IOException e) {
            fail(Status.INTERNAL.withDescription("the server's response frame cannot be decoded: " + e.getMessage()));
        }
    }

    private void receiveData(FrameHeader header, ByteString data) {
        if (type.serverSendsOneMessage()) {
            fail(Status.INTERNAL.withDescription("the server sent a data frame, but " + method.getFullMethodName()
                    + " is answered by a response frame"));
            return;
        }
        if (!header.has(FrameHeader.FLAG_NO_DATA) && !inbox.offer(data)) {
            fail(overflow());
            return;
        }
        if (header.has(FrameHeader.FLAG_REMOTE_CLOSED)) {
            complete(Statuses.Outcome.of(Status.OK));
        } else {
            serial.execute(this::pump);
        }
    }

    private Status overflow() {
        return Status.RESOURCE_EXHAUSTED.withDescription("the messages of " + method.getFullMethodName()
                + " are not taken as fast as they come: more than "
                + channel.limits().maxQueuedMessages()
                + " wait (limit maxQueuedMessages) or the connection holds "
                + channel.limits().maxInFlightBytes()
                + " bytes (limit maxInFlightBytes)");
    }

    /** The server has ended the call; what it sent before is still delivered. */
    private void complete(Statuses.Outcome result) {
        inbox.end();
        if (end(result)) {
            channel.outbox().recheck();
            serial.execute(this::pump);
        }
    }

    private boolean end(Statuses.Outcome result) {
        if (!ended.compareAndSet(false, true)) {
            return false;
        }
        outcome.set(result);
        channel.forget(id);
        release();
        return true;
    }

    private void release() {
        Future<?> scheduled = timer;
        if (scheduled != null) {
            scheduled.cancel(false);
        }
        context.removeListener(cancellation);
    }

    /** Tells the listener what it can know by now. */
    private void pump() {
        Listener<A> target = listener;
        if (told || target == null) {
            return;
        }
        try {
            for (ByteString bytes = inbox.poll(); bytes != null; bytes = inbox.poll()) {
                target.onMessage(parse(bytes));
            }
        } catch (RuntimeException e) {
            Status status = Status.fromThrowable(e);
            Statuses.Outcome failure = Statuses.Outcome.of(
                    status.getCode() == Status.Code.UNKNOWN
                            ? Status.CANCELLED
                                    .withDescription("the receiver of a message failed")
                                    .withCause(e)
                            : status);
            stopped = true;
            inbox.discard();
            if (!end(failure)) {
                outcome.set(failure);
            }
        }
        Statuses.Outcome result = outcome.get();
        if (result != null && (stopped || inbox.isFinished())) {
            told = true;
            target.onClose(result.status(), result.trailers());
        }
    }

    private A parse(ByteString bytes) {
        try {
            return method.parseResponse(bytes.newInput());
        } catch (RuntimeException e) {
            throw Status.INTERNAL
                    .withDescription("the server's message cannot be decoded: " + e.getMessage())
                    .withCause(e)
                    .asRuntimeException();
        }
    }
}
