// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One ttrpc connection as a grpc-java channel: generated stubs of every shape run over it, from any number of threads.
 *
 * <p>When the connection is lost every pending call fails with UNAVAILABLE and the text {@code ttrpc: closed}, and so does every later
 * one: the channel never reconnects, its owner makes a new one. A call's deadline is the sooner of its options' and its gRPC context's;
 * the server is told how much is left. Response headers do not exist in ttrpc; trailers are empty but for {@code grpc-status-details-bin}.
 */
public final class TtrpcChannel extends Channel implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(TtrpcChannel.class);
    /** The last id that a client can use, as the unsigned number that it is. */
    private static final int LAST_ID = -1;

    private final SocketChannel channel;
    private final TtrpcLimits limits;
    private final Outbox outbox;
    private final ByteBudget budget;
    private final Map<Integer, ClientStream<?, ?>> streams = new ConcurrentHashMap<>();
    private final CompletableFuture<Void> whenClosed = new CompletableFuture<>();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile Status closedStatus = Statuses.closed(null);
    /** Held from taking an id to queueing its frame: ids must reach the wire in rising order. */
    private final ReentrantLock opening = new ReentrantLock();

    private int nextId = 1;

    private TtrpcChannel(SocketChannel channel, TtrpcLimits limits) {
        this.channel = channel;
        this.limits = limits;
        this.outbox = new Outbox(limits.maxInFlightBytes());
        this.budget = new ByteBudget(limits.maxInFlightBytes());
    }

    /**
     * Connects to a Unix socket.
     *
     * @throws IOException when nobody listens there, or the path is longer than the kernel allows
     */
    public static TtrpcChannel connect(Path unixSocket) throws IOException {
        UnixListener.checkLength(unixSocket);
        SocketChannel channel;
        try {
            channel = SocketChannel.open(UnixDomainSocketAddress.of(unixSocket));
        } catch (IOException e) {
            throw new IOException("cannot connect to the socket " + unixSocket + ": " + e.getMessage(), e);
        }
        return over(channel);
    }

    /** Speaks over a connected channel in blocking mode, which is closed together with this one. */
    public static TtrpcChannel over(SocketChannel channel) {
        return over(channel, TtrpcLimits.DEFAULT);
    }

    /** Like {@link #over(SocketChannel)}, with limits of its own. */
    public static TtrpcChannel over(SocketChannel channel, TtrpcLimits limits) {
        TtrpcChannel client = new TtrpcChannel(channel, limits);
        Thread.ofVirtual().name("ttrpc-client-write").start(client::writeAll);
        Thread.ofVirtual().name("ttrpc-client-read").start(client::readAll);
        return client;
    }

    /** Whether calls can still be made; false once the peer has closed, the connection broke or {@link #close} was called. */
    public boolean isOpen() {
        return !closed.get();
    }

    /** Completes, never exceptionally, when this channel is no longer open. Dependents must not block. */
    public CompletionStage<Void> whenClosed() {
        return whenClosed.minimalCompletionStage();
    }

    /** Calls that wait for their end. */
    public int openStreams() {
        return streams.size();
    }

    @Override
    public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
        return new ClientStream<>(this, method, options);
    }

    /** The same for every channel: ttrpc has no host names. */
    @Override
    public String authority() {
        return "ttrpc";
    }

    /** Closes the connection; pending calls fail. */
    @Override
    public void close() {
        close(null);
    }

    TtrpcLimits limits() {
        return limits;
    }

    Outbox outbox() {
        return outbox;
    }

    /** For calls that are answered by one message: that answer is the local caller's own choice and always fits. */
    Inbox newInboxForOne() {
        return new Inbox(1, new ByteBudget(Long.MAX_VALUE));
    }

    Inbox newInbox() {
        return new Inbox(limits.maxQueuedMessages(), budget);
    }

    /**
     * Gives a call the next id and queues its request frame.
     *
     * @return null when that is done, else why it cannot be
     */
    @Nullable
    Status open(ClientStream<?, ?> stream, byte[] request) {
        opening.lock();
        try {
            if (closed.get()) {
                return closedStatus;
            }
            if (streams.size() >= limits.maxOpenStreams()) {
                return Status.RESOURCE_EXHAUSTED.withDescription(
                        "this connection has " + limits.maxOpenStreams() + " open calls, the limit maxOpenStreams");
            }
            if (nextId == LAST_ID) {
                return Status.UNAVAILABLE.withDescription(
                        "the stream numbers of this connection are used up: make a new one");
            }
            int id = nextId;
            nextId += 2;
            Envelopes.setStreamId(request, id);
            stream.opened(id);
            streams.put(id, stream);
            outbox.post(request);
        } finally {
            opening.unlock();
        }
        // The connection may have been lost while the table did not have this call yet.
        return closed.get() ? closedStatus : null;
    }

    void forget(int streamId) {
        streams.remove(streamId);
    }

    private void writeAll() {
        try {
            outbox.writeAll(new FrameWriter(channel));
            close(null);
        } catch (IOException e) {
            close(e);
        }
    }

    private void readAll() {
        try {
            FrameReader reader = new FrameReader(channel, limits.maxMessageBytes());
            for (Frame frame = reader.next(); frame != null; frame = reader.next()) {
                ClientStream<?, ?> stream = streams.get(frame.header().streamId());
                if (stream != null) {
                    stream.receive(frame);
                }
            }
            close(null);
        } catch (IOException e) {
            close(e);
        } catch (Throwable e) {
            log.atError().setCause(e).log("a ttrpc client's reader failed");
            close(e);
        }
    }

    private void close(@Nullable Throwable cause) {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        closedStatus = Statuses.closed(cause);
        outbox.close();
        try {
            channel.close();
        } catch (IOException e) {
            log.atDebug().setCause(e).log("a ttrpc connection did not close cleanly");
        }
        streams.values().forEach(stream -> stream.fail(closedStatus));
        whenClosed.complete(null);
    }
}
