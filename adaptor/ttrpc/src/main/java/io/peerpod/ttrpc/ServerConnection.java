// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import com.google.protobuf.ByteString;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import io.peerpod.ttrpc.wire.Request;
import io.peerpod.ttrpc.wire.Response;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One accepted connection: its reader, its writer and its open streams. */
final class ServerConnection {
    private static final Logger log = LoggerFactory.getLogger(ServerConnection.class);

    private final SocketChannel channel;
    private final Peer peer;
    private final ServerSettings settings;
    private final Consumer<ServerConnection> whenClosed;
    private final Outbox outbox;
    private final ByteBudget budget;
    private final StreamIds ids = new StreamIds();
    private final Map<Integer, ServerStream<?, ?>> streams = new ConcurrentHashMap<>();
    /** Streams that hold memory or a thread: also those answered whose handler still runs. */
    private final AtomicInteger openStreams = new AtomicInteger();

    private final AtomicBoolean closed = new AtomicBoolean();
    private final long started = System.nanoTime();
    private volatile boolean spoke;

    ServerConnection(SocketChannel channel, Peer peer, ServerSettings settings, Consumer<ServerConnection> whenClosed) {
        this.channel = channel;
        this.peer = peer;
        this.settings = settings;
        this.whenClosed = whenClosed;
        this.outbox = new Outbox(settings.limits().maxInFlightBytes());
        this.budget = new ByteBudget(settings.limits().maxInFlightBytes());
    }

    void start() {
        Thread.ofVirtual().name(settings.name() + "-write").start(this::writeAll);
        Thread.ofVirtual().name(settings.name() + "-read").start(this::readAll);
    }

    /** How long this connection has existed without sending one whole frame; zero once it did. */
    Duration silentFor() {
        return spoke ? Duration.ofSeconds(-1) : Duration.ofNanos(System.nanoTime() - started);
    }

    int openStreams() {
        return openStreams.get();
    }

    TtrpcLimits limits() {
        return settings.limits();
    }

    Outbox outbox() {
        return outbox;
    }

    Inbox newInbox() {
        return new Inbox(settings.limits().maxQueuedMessages(), budget);
    }

    private void writeAll() {
        try {
            outbox.writeAll(new FrameWriter(channel));
        } catch (IOException e) {
            logEnd(e);
        } finally {
            close();
        }
    }

    private void readAll() {
        FrameReader reader = new FrameReader(channel, settings.limits().maxMessageBytes());
        try {
            for (Frame frame = reader.next(); frame != null; frame = reader.next()) {
                spoke = true;
                receive(frame);
                if (outbox.isOverfull()) {
                    throw new IOException("the peer sends requests but does not read its answers");
                }
            }
        } catch (IOException e) {
            logEnd(e);
        } catch (Throwable e) {
            log.atError().addKeyValue("server", settings.name()).setCause(e).log("a connection's reader failed");
        } finally {
            close();
        }
    }

    private void logEnd(IOException failure) {
        if (!closed.get()) {
            log.atDebug()
                    .addKeyValue("server", settings.name())
                    .addKeyValue("failure", failure.getMessage())
                    .log("a connection ended");
        }
    }

    /** On the reader's thread: must neither wait nor run foreign code. */
    private void receive(Frame frame) {
        FrameHeader header = frame.header();
        switch (header.type()) {
            case FrameHeader.TYPE_REQUEST -> {
                if (!ids.accept(header.streamId())) {
                    answer(header.streamId(), refusedId(header.streamId()));
                    return;
                }
                switch (frame) {
                    case Frame.Whole whole -> open(whole);
                    case Frame.Oversized oversized -> answer(header.streamId(), tooLong(header));
                }
            }
            case FrameHeader.TYPE_DATA -> {
                ServerStream<?, ?> stream = streams.get(header.streamId());
                if (stream == null) {
                    return;
                }
                switch (frame) {
                    case Frame.Whole whole -> stream.receive(whole);
                    case Frame.Oversized oversized -> stream.fail(tooLong(header));
                }
            }
            default -> {
                // Responses have no business here and other types are of versions to come: both are ignored.
            }
        }
    }

    private static Status refusedId(int streamId) {
        return Status.INVALID_ARGUMENT.withDescription("stream " + Integer.toUnsignedString(streamId)
                + " cannot be opened: a client takes a new odd number for every call");
    }

    private Status tooLong(FrameHeader header) {
        return Status.RESOURCE_EXHAUSTED.withDescription("the message has " + header.dataBytes()
                + " bytes with its envelope, at most " + settings.limits().maxMessageBytes() + " are accepted");
    }

    private void open(Frame.Whole frame) {
        int id = frame.header().streamId();
        Request request;
        try {
            request = Envelopes.request(frame.data(), settings.limits().maxMetadataPairs());
        } catch (IOException e) {
            answer(
                    id,
                    Status.INVALID_ARGUMENT.withDescription("the request frame cannot be decoded: " + e.getMessage()));
            return;
        }
        Map<String, TtrpcServer.Registered> service = settings.services().get(request.getService());
        if (service == null) {
            answer(id, Status.UNIMPLEMENTED.withDescription("no service " + request.getService() + " here"));
            return;
        }
        TtrpcServer.Registered method = service.get(request.getMethod());
        if (method == null) {
            answer(
                    id,
                    Status.UNIMPLEMENTED.withDescription(
                            "no method " + request.getMethod() + " in service " + request.getService()));
            return;
        }
        boolean openEnded = frame.header().has(FrameHeader.FLAG_REMOTE_OPEN);
        if (openEnded && method.definition().getMethodDescriptor().getType().clientSendsOneMessage()) {
            answer(
                    id,
                    Status.INVALID_ARGUMENT.withDescription(request.getService() + "/" + request.getMethod()
                            + " takes one message, but the request says that data frames follow"));
            return;
        }
        admit(frame, request, method);
    }

    private void admit(Frame.Whole frame, Request request, TtrpcServer.Registered method) {
        int id = frame.header().streamId();
        if (openStreams.incrementAndGet() > settings.limits().maxOpenStreams()) {
            openStreams.decrementAndGet();
            answer(
                    id,
                    Status.RESOURCE_EXHAUSTED.withDescription("this connection has "
                            + settings.limits().maxOpenStreams() + " open calls, the limit maxOpenStreams"));
            return;
        }
        int bytes = frame.data().size();
        if (!budget.reserve(bytes)) {
            openStreams.decrementAndGet();
            answer(id, overBudget());
            return;
        }
        start(frame.header(), request, method, () -> {
            budget.release(bytes);
            openStreams.decrementAndGet();
        });
    }

    Status overBudget() {
        return Status.RESOURCE_EXHAUSTED.withDescription("the calls of this connection hold "
                + settings.limits().maxInFlightBytes() + " bytes (limit maxInFlightBytes) or one of them has "
                + settings.limits().maxQueuedMessages() + " messages waiting (limit maxQueuedMessages)");
    }

    private void start(FrameHeader header, Request request, TtrpcServer.Registered method, Runnable release) {
        Deadline deadline =
                request.getTimeoutNano() == 0 ? null : Deadline.after(request.getTimeoutNano(), TimeUnit.NANOSECONDS);
        Context context = Context.ROOT.withValue(TtrpcServer.PEER, peer);
        if (deadline != null) {
            context = context.withValue(TtrpcServer.CALL_DEADLINE, deadline);
        }
        Context.CancellableContext cancellable = deadline == null || method.detached()
                ? context.withCancellation()
                : context.withDeadline(deadline, Deadlines.TIMER);
        Metadata headers = Envelopes.metadata(request.getMetadataList());
        var stream = new ServerStream<>(
                this, header.streamId(), method.definition(), method.detached(), cancellable, headers, release);
        streams.put(header.streamId(), stream);
        stream.start(request.getPayload(), !header.has(FrameHeader.FLAG_REMOTE_OPEN), deadline);
        if (closed.get()) {
            stream.lose();
        }
    }

    void forget(int streamId) {
        streams.remove(streamId);
    }

    private void answer(int streamId, Status status) {
        outbox.post(response(streamId, Statuses.encode(status, new Metadata()), ByteString.EMPTY));
    }

    static byte[] response(int streamId, ByteString status, ByteString payload) {
        Response.Builder response = Response.newBuilder().setPayload(payload);
        if (!status.isEmpty()) {
            response.setStatus(status);
        }
        return Envelopes.frame(streamId, FrameHeader.TYPE_RESPONSE, 0, response.build());
    }

    void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        outbox.close();
        try {
            channel.close();
        } catch (IOException e) {
            log.atDebug().addKeyValue("server", settings.name()).setCause(e).log("a connection did not close cleanly");
        }
        streams.values().forEach(ServerStream::lose);
        whenClosed.accept(this);
    }
}
