// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import com.google.protobuf.CodedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Callers that share one connection, each with one call open at any time (a closed loop), driven by one thread with a codec of its own.
 * By default every request is a write of its own, as every known shim writes; {@code batching} joins the requests that follow from one
 * read into one write.
 */
final class LoadGenerator implements AutoCloseable {
    private static final int HEADER_BYTES = 10;
    private static final int MAX_FRAME_BYTES = HEADER_BYTES + (4 << 20);
    private static final int READ_BYTES = 1 << 20;
    private static final byte RESPONSE = 2;
    private static final Duration STALL_LIMIT = Duration.ofSeconds(30);

    private final SocketChannel socket;
    private final boolean batching;
    private final ByteBuffer in = ByteBuffer.allocateDirect(MAX_FRAME_BYTES + READ_BYTES);
    private int nextStream = 1;

    LoadGenerator(Path unixSocket, boolean batching) throws IOException {
        this.socket = SocketChannel.open(UnixDomainSocketAddress.of(unixSocket));
        this.batching = batching;
    }

    /** Runs the case for about this long. */
    LoadResult run(LoadCase load, Duration duration) throws IOException {
        AtomicBoolean stalled = new AtomicBoolean();
        Thread watch = Thread.ofVirtual().start(() -> watch(duration, stalled));
        try {
            return new Run(load).run(duration);
        } catch (IOException e) {
            if (stalled.get()) {
                throw new IOException(
                        "case " + load.name() + ": an answer did not come within " + STALL_LIMIT.toSeconds()
                                + " s; look at the logs of relay and forwarder",
                        e);
            }
            throw e;
        } finally {
            watch.interrupt();
        }
    }

    private void watch(Duration duration, AtomicBoolean stalled) {
        try {
            Thread.sleep(duration.plus(STALL_LIMIT));
            stalled.set(true);
            close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The state of one run. */
    private final class Run {
        private final LoadCase load;
        private final ByteBuffer frame;
        private final ByteBuffer batch;
        private final int[] streams;
        private final long[] sentAt;
        private final LatencyHistogram latencies = new LatencyHistogram();
        private final int answerBytes;
        private long errors;

        Run(LoadCase load) {
            this.load = load;
            this.streams = new int[load.callers()];
            this.sentAt = new long[load.callers()];
            this.frame = frame(load);
            this.batch = ByteBuffer.allocateDirect(batching ? frame.capacity() * load.callers() : 0);
            this.answerBytes = load.answerBytes();
        }

        LoadResult run(Duration duration) throws IOException {
            long start = System.nanoTime();
            long end = start + duration.toNanos();
            for (int caller = 0; caller < load.callers(); caller++) {
                send(caller);
            }
            flush();
            int open = load.callers();
            while (open > 0) {
                if (socket.read(in) < 0) {
                    throw new EOFException("case " + load.name() + ": the connection was closed under load");
                }
                in.flip();
                while (complete()) {
                    int length = in.getInt(in.position());
                    int caller = answered(length);
                    in.position(in.position() + HEADER_BYTES + length);
                    if (caller >= 0 && sentAt[caller] < end && System.nanoTime() < end) {
                        send(caller);
                    } else if (caller >= 0) {
                        open--;
                    }
                }
                in.compact();
                flush();
            }
            return new LoadResult(load, latencies, errors, Duration.ofNanos(System.nanoTime() - start));
        }

        private void send(int caller) throws IOException {
            streams[caller] = nextStream;
            nextStream += 2;
            frame.putInt(4, streams[caller]).rewind();
            sentAt[caller] = System.nanoTime();
            if (batching) {
                batch.put(frame);
                return;
            }
            while (frame.hasRemaining()) {
                socket.write(frame);
            }
        }

        private void flush() throws IOException {
            if (batching) {
                batch.flip();
                while (batch.hasRemaining()) {
                    socket.write(batch);
                }
                batch.clear();
            }
        }

        private boolean complete() throws IOException {
            if (in.remaining() < HEADER_BYTES) {
                return false;
            }
            int length = in.getInt(in.position());
            if (length < 0 || length > MAX_FRAME_BYTES - HEADER_BYTES) {
                throw new IOException("case " + load.name() + ": a frame of " + length + " bytes came");
            }
            return in.remaining() >= HEADER_BYTES + length;
        }

        /** Counts the frame at the buffer's position; the caller it is for, or -1. */
        private int answered(int length) {
            int stream = in.getInt(in.position() + 4);
            for (int caller = 0; caller < streams.length; caller++) {
                if (streams[caller] == stream) {
                    latencies.record(System.nanoTime() - sentAt[caller]);
                    if (in.get(in.position() + 8) != RESPONSE || !good(in.position() + HEADER_BYTES, length)) {
                        errors++;
                    }
                    return caller;
                }
            }
            errors++;
            return -1;
        }

        /** Whether an envelope is without a status of its own and holds a message of the expected size. */
        private boolean good(int start, int length) {
            int skipped = length >= 2 && in.get(start) == 0x0a && in.get(start + 1) == 0 ? 2 : 0;
            int left = length - skipped;
            if (left == 0) {
                return answerBytes == 0;
            }
            int expected = 1 + CodedOutputStream.computeUInt32SizeNoTag(answerBytes) + answerBytes;
            return in.get(start + skipped) == 0x12 && left == expected;
        }
    }

    private static ByteBuffer frame(LoadCase load) {
        byte[] message = load.request().toByteArray();
        byte[] envelope = envelope(load.method(), message);
        ByteBuffer frame = ByteBuffer.allocateDirect(HEADER_BYTES + envelope.length);
        return frame.putInt(envelope.length)
                .putInt(0)
                .put((byte) 1)
                .put((byte) 0)
                .put(envelope)
                .flip();
    }

    private static byte[] envelope(String method, byte[] message) {
        String service = "grpc.AgentService";
        byte[] envelope = new byte
                [CodedOutputStream.computeStringSize(1, service)
                        + CodedOutputStream.computeStringSize(2, method)
                        + CodedOutputStream.computeByteArraySize(3, message)];
        CodedOutputStream out = CodedOutputStream.newInstance(envelope);
        try {
            out.writeString(1, service);
            out.writeString(2, method);
            out.writeByteArray(3, message);
        } catch (IOException e) {
            throw new IllegalStateException("an envelope of computed size did not fit " + Arrays.toString(envelope), e);
        }
        return envelope;
    }
}
