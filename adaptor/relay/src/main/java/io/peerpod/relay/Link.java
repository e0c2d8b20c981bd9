// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import com.google.protobuf.ByteString;
import io.peerpod.relay.handover.HeldLink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** A connected stream socket on an event loop. Every method is for the loop's thread only. */
public abstract class Link implements Pipe, EventLoop.Ready {
    /** How long {@link #finish} waits for the peer to take what is left. */
    private static final Duration FINISH_TIMEOUT = Duration.ofSeconds(5);

    /** The JDK copies what lies on the heap before each write, taken or not: more than a socket takes at once only costs. */
    private static final int MAX_WRITE_BYTES = 256 << 10;

    private static final int MAX_GATHER_BUFFERS = MAX_WRITE_BYTES / LoopBuffers.CHUNK_BYTES;

    /** Who uses the bytes. */
    public interface Handler {
        /**
         * Bytes came in. They lie in scratch space of the loop with {@link LoopBuffers#HEADROOM_BYTES} usable bytes before the position; all must be consumed before this
         * returns, and may be changed in place.
         */
        void received(ByteBuffer data);

        /**
         * Where the next bytes may be put at once instead of being handed over; null when nowhere. What was put there is told by {@link #filled}.
         *
         * @param atLeast how much must fit
         */
        default @Nullable ByteBuffer room(int atLeast) {
            return null;
        }

        /** This many bytes were put into {@link #room}, whose position is behind them. */
        default void filled(int count) {}

        /** The peer is gone or the link failed; called once, never after {@link Link#close}. The link is closed already. */
        void ended(String why);

        /** Unsent output fell to zero after a short write. */
        void drained();
    }

    protected final EventLoop loop;
    protected final SocketChannel channel;
    protected final Handler handler;
    private final ArrayDeque<ByteBuffer> unsent = new ArrayDeque<>();
    private int unsentBytes;
    private @Nullable SelectionKey key;
    private boolean paused;
    private boolean finishing;
    private boolean closed;

    protected Link(EventLoop loop, SocketChannel channel, Handler handler) {
        this.loop = loop;
        this.channel = channel;
        this.handler = handler;
    }

    /** Starts to read. */
    public void register() throws IOException {
        channel.configureBlocking(false);
        key = loop.register(channel, 0, this);
        updateInterest();
    }

    /** Takes the place of whatever a key was registered for. */
    public void adopt(SelectionKey existing) {
        existing.attach(this);
        existing.interestOps(SelectionKey.OP_READ);
        key = existing;
    }

    /** Sends a header and what belongs behind it, without joining them first. */
    public void send(ByteBuffer header, ByteBuffer data) {
        send(header);
        send(data);
    }

    @Override
    public void sendOwned(ByteBuffer data) {
        send(data);
        loop.buffers().release(data);
    }

    /** Reads what is there and hands it over. */
    protected abstract void readReady() throws IOException;

    @Override
    public int unsentBytes() {
        return unsentBytes;
    }

    @Override
    public boolean isClosed() {
        return closed;
    }

    @Override
    public void pause() {
        if (!paused) {
            paused = true;
            updateInterest();
        }
    }

    @Override
    public void resume() {
        if (paused) {
            paused = false;
            updateInterest();
        }
    }

    /** What a successor process needs beside the socket; on a link over TLS it is of no use. */
    public HeldLink held() {
        ByteString bytes = ByteString.EMPTY;
        for (ByteBuffer chunk : unsent) {
            bytes = bytes.concat(ByteString.copyFrom(chunk.duplicate()));
        }
        return HeldLink.newBuilder().setUnsent(bytes).setPaused(paused).build();
    }

    /** Stands where a predecessor's link stood; to be called before it is registered. */
    public void restore(HeldLink held) {
        paused = held.getPaused();
        if (!held.getUnsent().isEmpty()) {
            keep(held.getUnsent().asReadOnlyByteBuffer());
        }
    }

    /** The socket, for handing it over. */
    public SocketChannel channel() {
        return channel;
    }

    @Override
    public void finish() {
        if (closed || finishing) {
            return;
        }
        if (unsentBytes == 0) {
            close();
            return;
        }
        finishing = true;
        updateInterest();
        loop.after(FINISH_TIMEOUT, this::close);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        beforeClose();
        for (ByteBuffer chunk : unsent) {
            loop.buffers().release(chunk);
        }
        unsent.clear();
        unsentBytes = 0;
        try {
            channel.close();
        } catch (IOException _) {
            // The descriptor is gone either way.
        }
    }

    /** Last chance to say goodbye. */
    protected void beforeClose() {}

    @Override
    public void ready(SelectionKey ready) throws IOException {
        if (closed) {
            return;
        }
        if (ready.isWritable()) {
            writeUnsent();
        }
        if (!closed && !paused && !finishing && ready.isReadable()) {
            readReady();
        }
    }

    @Override
    public void failed(Throwable cause) {
        end(words(cause));
    }

    /** Closes and tells the handler, after the present event: whoever is in the middle of a send need not expect it. */
    protected final void end(String why) {
        if (!closed) {
            close();
            if (!finishing) {
                loop.afterEvent(() -> handler.ended(why));
            }
        }
    }

    private static String words(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.getClass().getSimpleName() : message;
    }

    /** Writes what the socket takes now and keeps a copy of the rest. */
    protected final void write(ByteBuffer bytes) {
        try {
            if (unsent.isEmpty()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            end(words(e));
            return;
        }
        if (bytes.hasRemaining()) {
            keep(bytes);
        }
    }

    /** Writes what the socket takes now and keeps the buffer itself until the rest is written. */
    protected final void writeOwned(ByteBuffer bytes) {
        try {
            if (unsent.isEmpty()) {
                writePieces(bytes);
            }
        } catch (IOException e) {
            loop.buffers().release(bytes);
            end(words(e));
            return;
        }
        if (!bytes.hasRemaining()) {
            loop.buffers().release(bytes);
            return;
        }
        boolean first = unsent.isEmpty();
        unsentBytes += bytes.remaining();
        unsent.add(bytes);
        if (first) {
            updateInterest();
        }
    }

    private void keep(ByteBuffer bytes) {
        boolean first = unsent.isEmpty();
        unsentBytes += bytes.remaining();
        while (bytes.hasRemaining()) {
            ByteBuffer chunk = loop.buffers().chunk();
            int length = Math.min(chunk.capacity(), bytes.remaining());
            chunk.put(0, bytes, bytes.position(), length).limit(length);
            bytes.position(bytes.position() + length);
            unsent.add(chunk);
        }
        if (first) {
            updateInterest();
        }
    }

    /** Writes until the socket takes no more or nothing is left. */
    private void writePieces(ByteBuffer bytes) throws IOException {
        int end = bytes.limit();
        while (bytes.position() < end) {
            int pieceEnd = bytes.hasArray() ? Math.min(end, bytes.position() + MAX_WRITE_BYTES) : end;
            bytes.limit(pieceEnd);
            try {
                channel.write(bytes);
            } finally {
                bytes.limit(end);
            }
            if (bytes.position() < pieceEnd) {
                return;
            }
        }
    }

    private void writeUnsent() throws IOException {
        while (!unsent.isEmpty()) {
            if (unsent.element().capacity() > LoopBuffers.CHUNK_BYTES) {
                int before = unsent.element().remaining();
                writePieces(unsent.element());
                unsentBytes -= before - unsent.element().remaining();
                if (unsent.element().hasRemaining()) {
                    return;
                }
                loop.buffers().release(unsent.remove());
                continue;
            }
            ByteBuffer[] some = unsent.stream()
                    .limit(MAX_GATHER_BUFFERS)
                    .takeWhile(chunk -> chunk.capacity() <= LoopBuffers.CHUNK_BYTES)
                    .toArray(ByteBuffer[]::new);
            unsentBytes -= (int) channel.write(some);
            for (ByteBuffer chunk : some) {
                if (chunk.hasRemaining()) {
                    return; // The socket is full.
                }
                loop.buffers().release(unsent.remove());
            }
        }
        if (finishing) {
            close();
            return;
        }
        updateInterest();
        handler.drained();
    }

    private void updateInterest() {
        SelectionKey present = key;
        if (present == null || closed || !present.isValid()) {
            return;
        }
        int wanted = (paused || finishing ? 0 : SelectionKey.OP_READ) | (unsent.isEmpty() ? 0 : SelectionKey.OP_WRITE);
        if (present.interestOps() != wanted) {
            present.interestOps(wanted);
        }
    }
}
