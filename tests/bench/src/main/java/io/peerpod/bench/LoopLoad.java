// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The fastest client that there can be: all callers on one thread that reads what came, counts it and sends the next requests at once. Every
 * request is a write of its own, as every known shim writes.
 */
final class LoopLoad implements Load {
    private final SocketChannel socket;
    private final ByteBuffer in = LoadFrames.readBuffer();
    private int nextStream = 1;

    LoopLoad(Path unixSocket) throws IOException {
        this.socket = SocketChannel.open(UnixDomainSocketAddress.of(unixSocket));
    }

    @Override
    public LoadResult run(LoadCase load, Duration duration) throws IOException {
        try (StallWatch watch = StallWatch.start(load, duration, this)) {
            return watch.explain(() -> new Run(load).run(duration));
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
        private final int[] streams;
        private final long[] sentAt;
        private final LatencyHistogram latencies = new LatencyHistogram();
        private final int answerBytes;
        private long errors;

        Run(LoadCase load) {
            this.load = load;
            this.streams = new int[load.callers()];
            this.sentAt = new long[load.callers()];
            this.frame = LoadFrames.request(load);
            this.answerBytes = load.answerBytes();
        }

        LoadResult run(Duration duration) throws IOException {
            long start = System.nanoTime();
            long end = start + duration.toNanos();
            for (int caller = 0; caller < load.callers(); caller++) {
                send(caller);
            }
            int open = load.callers();
            while (open > 0) {
                if (socket.read(in) < 0) {
                    throw new EOFException("case " + load.name() + ": the connection was closed under load");
                }
                in.flip();
                while (LoadFrames.isWhole(in)) {
                    int length = in.getInt(in.position());
                    int caller = answered(length);
                    in.position(in.position() + LoadFrames.HEADER_BYTES + length);
                    if (caller >= 0 && sentAt[caller] < end && System.nanoTime() < end) {
                        send(caller);
                    } else if (caller >= 0) {
                        open--;
                    }
                }
                in.compact();
            }
            return new LoadResult(load, latencies, errors, Duration.ofNanos(System.nanoTime() - start));
        }

        private void send(int caller) throws IOException {
            streams[caller] = nextStream;
            nextStream += 2;
            frame.putInt(4, streams[caller]).rewind();
            sentAt[caller] = System.nanoTime();
            while (frame.hasRemaining()) {
                socket.write(frame);
            }
        }

        /** Counts the frame at the buffer's position; the caller it is for, or -1. */
        private int answered(int length) {
            int stream = in.getInt(in.position() + 4);
            for (int caller = 0; caller < streams.length; caller++) {
                if (streams[caller] == stream) {
                    latencies.record(System.nanoTime() - sentAt[caller]);
                    if (in.get(in.position() + 8) != LoadFrames.RESPONSE
                            || !LoadFrames.isGood(in, in.position() + LoadFrames.HEADER_BYTES, length, answerBytes)) {
                        errors++;
                    }
                    return caller;
                }
            }
            errors++;
            return -1;
        }
    }
}
