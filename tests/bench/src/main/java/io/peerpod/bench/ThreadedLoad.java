// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A client as shims have it: each caller is a thread that waits for its own answer, which one reader hands to it. */
final class ThreadedLoad implements Load {
    private final SocketChannel socket;
    private final ReentrantLock writer = new ReentrantLock();
    private final Map<Integer, Caller> waiting = new ConcurrentHashMap<>();
    private final Thread reader;
    private int nextStream = 1;
    private volatile @Nullable IOException lost;

    ThreadedLoad(Path unixSocket) throws IOException {
        socket = SocketChannel.open(UnixDomainSocketAddress.of(unixSocket));
        reader = Thread.ofPlatform().name("load-reader").daemon().start(this::read);
    }

    @Override
    public LoadResult run(LoadCase load, Duration duration) throws IOException {
        try (StallWatch watch = StallWatch.start(load, duration, this)) {
            return watch.explain(() -> callers(load, duration));
        }
    }

    private LoadResult callers(LoadCase load, Duration duration) throws IOException {
        long start = System.nanoTime();
        List<Caller> callers = new ArrayList<>();
        for (int i = 0; i < load.callers(); i++) {
            callers.add(new Caller(load, start + duration.toNanos()));
        }
        callers.forEach(caller -> caller.thread.start());
        LatencyHistogram latencies = new LatencyHistogram();
        long errors = 0;
        try {
            for (Caller caller : callers) {
                caller.thread.join();
                latencies.add(caller.latencies);
                errors += caller.errors;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the load ran", e);
        }
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        IOException failure = lost;
        if (failure != null) {
            throw new IOException("case " + load.name() + ": the connection ended under load", failure);
        }
        return new LoadResult(load, latencies, errors, took);
    }

    private void read() {
        ByteBuffer in = LoadFrames.readBuffer();
        try {
            while (socket.read(in) >= 0) {
                in.flip();
                while (LoadFrames.isWhole(in)) {
                    byte[] frame = new byte[LoadFrames.HEADER_BYTES + in.getInt(in.position())];
                    in.get(frame);
                    ByteBuffer answer = ByteBuffer.wrap(frame);
                    Caller caller = waiting.remove(answer.getInt(4));
                    if (caller != null) {
                        caller.answer = answer;
                        LockSupport.unpark(caller.thread);
                    }
                }
                in.compact();
            }
            lost = new IOException("the peer closed the connection");
        } catch (IOException e) {
            lost = e;
        }
        waiting.values().forEach(caller -> LockSupport.unpark(caller.thread));
    }

    @Override
    public void close() {
        try {
            socket.close();
            reader.join();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** One caller. */
    private final class Caller {
        private final LatencyHistogram latencies = new LatencyHistogram();
        private final ByteBuffer frame;
        private final int answerBytes;
        private final long end;
        private final Thread thread;
        private long errors;
        private volatile @Nullable ByteBuffer answer;

        Caller(LoadCase load, long end) {
            this.frame = LoadFrames.request(load);
            this.answerBytes = load.answerBytes();
            this.end = end;
            this.thread = Thread.ofVirtual().unstarted(this::run);
        }

        private void run() {
            try {
                for (long before = System.nanoTime(); before < end && lost == null; before = System.nanoTime()) {
                    ByteBuffer came = call();
                    if (came != null) {
                        latencies.record(System.nanoTime() - before);
                        int length = came.getInt(0);
                        boolean good = came.get(8) == LoadFrames.RESPONSE
                                && LoadFrames.isGood(came, LoadFrames.HEADER_BYTES, length, answerBytes);
                        errors += good ? 0 : 1;
                    }
                }
            } catch (IOException e) {
                lost = e;
            }
        }

        private @Nullable ByteBuffer call() throws IOException {
            answer = null;
            writer.lock();
            try {
                int stream = nextStream;
                nextStream += 2;
                waiting.put(stream, this);
                frame.putInt(4, stream).rewind();
                while (frame.hasRemaining()) {
                    socket.write(frame);
                }
            } finally {
                writer.unlock();
            }
            ByteBuffer came = answer;
            while (came == null && lost == null) {
                LockSupport.park();
                came = answer;
            }
            return came;
        }
    }
}
