// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import com.google.protobuf.MessageLite;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One ttrpc connection of a peer, over a unix socket. Any number of threads may call at once; answers come in any order. Like the peers it
 * never reconnects, and a call that its caller gave up on is simply forgotten.
 */
public final class WireClient implements AutoCloseable {
    /** Local patience beyond the deadline that the server was told. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    /** How a peer's library writes. */
    public enum Writing {
        /** Go: header and body in one piece, stream ids strictly rising. */
        WHOLE_FRAMES,
        /** Rust: the header in pieces of 4, 4, 1 and 1 bytes, and ids that were drawn before the writer's turn came. */
        PIECES
    }

    private final SocketChannel socket;
    private final Writing writing;
    private final ReentrantLock writer = new ReentrantLock();
    private final AtomicInteger nextStream = new AtomicInteger(1);
    private final Map<Integer, CompletableFuture<byte[]>> pending = new ConcurrentHashMap<>();
    private final CompletableFuture<String> ended = new CompletableFuture<>();

    private WireClient(SocketChannel socket, Writing writing) {
        this.socket = socket;
        this.writing = writing;
    }

    /** Connects and starts to read. */
    public static WireClient connect(Path unixSocket, Writing writing) throws IOException {
        WireClient client = new WireClient(SocketChannel.open(UnixDomainSocketAddress.of(unixSocket)), writing);
        Thread.ofVirtual().name("wire-client").start(client::read);
        return client;
    }

    /** As Go writes. */
    public static WireClient connect(Path unixSocket) throws IOException {
        return connect(unixSocket, Writing.WHOLE_FRAMES);
    }

    /** Completes with the reason once the connection is over. */
    public CompletableFuture<String> ended() {
        return ended.copy();
    }

    /** Number of calls without an answer. */
    public int open() {
        return pending.size();
    }

    /**
     * Sends a request; the future gets the payload of the answer, a {@link WireStatusException}, or an {@link IOException} when the
     * connection ends first.
     *
     * @param timeout told to the server as {@code timeout_nano}; zero for none
     */
    public CompletableFuture<byte[]> send(String service, String method, byte[] payload, Duration timeout) {
        byte[] envelope = WireFormat.request(service, method, payload, timeout, Map.of());
        CompletableFuture<byte[]> answer = new CompletableFuture<>();
        if (writing == Writing.PIECES) {
            write(nextStream.getAndAdd(2), envelope, answer);
            return answer;
        }
        writer.lock();
        try {
            write(nextStream.getAndAdd(2), envelope, answer);
        } finally {
            writer.unlock();
        }
        return answer;
    }

    private void write(int stream, byte[] envelope, CompletableFuture<byte[]> answer) {
        pending.put(stream, answer);
        ByteBuffer frame = ByteBuffer.allocate(WireFormat.HEADER_BYTES + envelope.length);
        WireFormat.putHeader(frame, envelope.length, stream, WireFormat.REQUEST);
        frame.put(envelope).flip();
        writer.lock();
        try {
            if (writing == Writing.PIECES) {
                for (int end : new int[] {4, 8, 9, WireFormat.HEADER_BYTES}) {
                    writeAll(frame.limit(end));
                }
            }
            writeAll(frame.limit(frame.capacity()));
        } catch (IOException e) {
            pending.remove(stream);
            answer.completeExceptionally(e);
        } finally {
            writer.unlock();
        }
        if (ended.isDone() && pending.remove(stream) != null) {
            answer.completeExceptionally(new IOException("ttrpc: closed"));
        }
    }

    private void writeAll(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            socket.write(bytes);
        }
    }

    /** Sends a message and waits for the bytes of the answer. */
    public byte[] call(String service, String method, MessageLite request, Duration timeout)
            throws IOException, WireStatusException, InterruptedException {
        CompletableFuture<byte[]> answer = send(service, method, request.toByteArray(), timeout);
        try {
            return timeout.isZero()
                    ? answer.get()
                    : answer.get(timeout.plus(GRACE).toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException(
                    service + "/" + method + " was not answered within " + timeout + ", the deadline it was sent with",
                    e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case WireStatusException status -> throw status;
                case IOException lost -> throw new IOException(service + "/" + method + ": " + lost.getMessage(), lost);
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    private void read() {
        String reason = "the peer closed the connection";
        try {
            var in = Channels.newInputStream(socket);
            ByteBuffer header = ByteBuffer.allocate(WireFormat.HEADER_BYTES);
            while (in.readNBytes(header.array(), 0, WireFormat.HEADER_BYTES) == WireFormat.HEADER_BYTES) {
                int length = header.getInt(0);
                if (length < 0 || length > WireFormat.MAX_DATA_BYTES) {
                    throw new IOException("a frame of " + length + " bytes came, more than the protocol's "
                            + WireFormat.MAX_DATA_BYTES);
                }
                byte[] envelope = in.readNBytes(length);
                if (envelope.length != length) {
                    throw new EOFException("the connection ended inside a frame");
                }
                complete(header.getInt(4), header.get(8), envelope);
            }
        } catch (IOException e) {
            reason = String.valueOf(e.getMessage());
        } finally {
            end(reason);
        }
    }

    private void complete(int stream, byte type, byte[] envelope) {
        CompletableFuture<byte[]> answer = type == WireFormat.RESPONSE ? pending.remove(stream) : null;
        if (answer == null) {
            return;
        }
        try {
            answer.complete(WireFormat.response(envelope));
        } catch (IOException | WireStatusException e) {
            answer.completeExceptionally(e);
        }
    }

    private void end(String reason) {
        ended.complete(reason);
        for (Integer stream : List.copyOf(pending.keySet())) {
            CompletableFuture<byte[]> answer = pending.remove(stream);
            if (answer != null) {
                answer.completeExceptionally(new IOException("ttrpc: closed"));
            }
        }
        close();
    }

    /** Closes the connection; pending calls fail with {@code ttrpc: closed}. */
    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // Nothing depends on the outcome: the descriptor is gone either way.
            ended.complete(String.valueOf(e.getMessage()));
        }
    }
}
