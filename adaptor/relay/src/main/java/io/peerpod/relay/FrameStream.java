// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import com.google.protobuf.ByteString;
import io.peerpod.relay.handover.HeldFrames;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One direction of a ttrpc connection: finds the frames in whatever pieces the bytes arrive, and passes as many as it can in one go. A frame may be passed on before
 * its end is there.
 */
public abstract class FrameStream {
    /** Bytes of a frame header: length, stream id, type, flags. */
    public static final int HEADER_BYTES = 10;
    /** The longest payload that a peer may send. */
    public static final int MAX_DATA_BYTES = 4 << 20;
    /** Frame type of a request. */
    public static final byte REQUEST = 1;
    /** Frame type of a response. */
    public static final byte RESPONSE = 2;
    /** Frame type of stream data. */
    public static final byte DATA = 3;

    /** What shall become of a frame. */
    protected enum Verdict {
        /** Goes on as it is, or as {@link #inspect} changed it in place. */
        PASS,
        /** Is left out, however long it is. */
        DROP,
        /** Is collected and given to {@link #gathered} as a whole. */
        GATHER,
        /** More of it must be seen first; only legal while it could still fit {@link LoopBuffers#HEADROOM_BYTES}. */
        MORE
    }

    private @Nullable ByteBuffer early;
    private @Nullable ByteBuffer gathering;
    private Verdict verdict = Verdict.PASS;
    private long bodyLeft;
    private ByteBuffer data = ByteBuffer.allocate(0);
    private int runStart;

    /**
     * Judges a frame of which at least the header is there. May change the stream id in place, and may call {@link #endRun}.
     *
     * @param data where the frame starts at {@code start}
     * @param length declared, unsigned
     * @param available bytes of the payload that are there, at most {@code length}
     */
    protected abstract Verdict inspect(ByteBuffer data, int start, long length, int available);

    /** Sends a run of bytes on: whole frames, or parts of the one frame that is under way. All must be consumed. */
    protected abstract void pass(ByteBuffer run);

    /** Takes a collected frame, header included. */
    protected abstract void gathered(ByteBuffer frame);

    /** Room for a frame that is collected. */
    protected ByteBuffer gatherBuffer(int bytes) {
        return ByteBuffer.allocate(bytes);
    }

    /** Whether the receiver has seen the start of a frame and not its end. */
    public boolean midFrame() {
        return bodyLeft > 0 && verdict == Verdict.PASS;
    }

    /** Whether the sender owes the rest of a frame. */
    public boolean unfinished() {
        return bodyLeft > 0 || early != null;
    }

    /** The collected part of a frame whose end will not come, for its owner to release. */
    public @Nullable ByteBuffer abandon() {
        ByteBuffer part = gathering;
        gathering = null;
        early = null;
        return part;
    }

    /** Forgets whatever was under way: the next byte starts a frame of another connection. */
    protected final void restart() {
        early = null;
        gathering = null;
        verdict = Verdict.PASS;
        bodyLeft = 0;
    }

    /** What a successor process needs to go on at whatever byte this is. */
    public HeldFrames heldFrames() {
        HeldFrames.Builder held =
                HeldFrames.newBuilder().setVerdict(verdict.name()).setBodyLeft(bodyLeft);
        ByteBuffer kept = early;
        if (kept != null) {
            held.setEarly(ByteString.copyFrom(kept.duplicate()));
        }
        ByteBuffer part = gathering;
        if (part != null) {
            held.setIsGathering(true)
                    .setGathering(ByteString.copyFrom(part.duplicate().flip()));
        }
        return held.build();
    }

    /**
     * Goes on where a predecessor stopped.
     *
     * @throws IllegalArgumentException when that cannot be
     */
    public void restoreFrames(HeldFrames held) {
        verdict = Verdict.valueOf(held.getVerdict());
        bodyLeft = held.getBodyLeft();
        if (held.getEarly().size() >= LoopBuffers.HEADROOM_BYTES || bodyLeft < 0) {
            throw new IllegalArgumentException("a frame that was handed over cannot be: "
                    + held.getEarly().size() + " bytes of its start, " + bodyLeft + " to come");
        }
        early = held.getEarly().isEmpty()
                ? null
                : ByteBuffer.wrap(held.getEarly().toByteArray());
        if (held.getIsGathering()) {
            if (held.getGathering().size() < HEADER_BYTES || bodyLeft > MAX_DATA_BYTES) {
                throw new IllegalArgumentException(
                        "a collected frame that was handed over cannot be: " + bodyLeft + " bytes to come");
            }
            ByteBuffer whole = gatherBuffer(held.getGathering().size() + (int) bodyLeft);
            held.getGathering().copyTo(whole);
            gathering = whole;
        }
    }

    /** The rest of the frame that is being collected, when at least this much of it is still to come. */
    public @Nullable ByteBuffer room(int atLeast) {
        return gathering != null && bodyLeft >= atLeast ? gathering : null;
    }

    /** This many bytes of the frame were put into {@link #room} directly. */
    public void filled(int count) {
        bodyLeft -= count;
        if (bodyLeft == 0) {
            complete();
        }
    }

    /** Takes all of the received bytes, which must have {@link LoopBuffers#HEADROOM_BYTES} usable bytes before them. */
    public void feed(ByteBuffer received) {
        ByteBuffer kept = early;
        if (kept != null) {
            int from = received.position() - kept.remaining();
            received.put(from, kept, 0, kept.remaining()).position(from);
            early = null;
        }
        data = received;
        int position = received.position();
        int limit = received.limit();
        runStart = position;
        while (position < limit) {
            if (bodyLeft > 0) {
                position = body(position, limit);
                continue;
            }
            int available = limit - position - HEADER_BYTES;
            if (available < 0) {
                keep(position, limit);
                break;
            }
            long length = received.getInt(position) & 0xffff_ffffL;
            verdict = inspect(received, position, length, (int) Math.min(available, length));
            if (verdict == Verdict.MORE) {
                keep(position, limit);
                break;
            }
            position = begin(position, length);
        }
        endRun(position);
        received.limit(limit).position(limit);
    }

    private int begin(int position, long length) {
        bodyLeft = length;
        switch (verdict) {
            case DROP -> {
                endRun(position);
                runStart = position + HEADER_BYTES;
            }
            case GATHER -> {
                endRun(position);
                ByteBuffer whole = gatherBuffer(HEADER_BYTES + (int) length);
                whole.put(0, data, position, HEADER_BYTES).position(HEADER_BYTES);
                gathering = whole;
                runStart = position + HEADER_BYTES;
                if (length == 0) {
                    complete();
                }
            }
            default -> {
                // The run goes on.
            }
        }
        return position + HEADER_BYTES;
    }

    private int body(int position, int limit) {
        int length = (int) Math.min(bodyLeft, limit - position);
        bodyLeft -= length;
        ByteBuffer whole = gathering;
        if (whole != null) {
            whole.put(whole.position(), data, position, length).position(whole.position() + length);
            if (bodyLeft == 0) {
                complete();
            }
        }
        if (verdict != Verdict.PASS) {
            runStart = position + length;
        }
        return position + length;
    }

    private void complete() {
        ByteBuffer whole = gathering;
        gathering = null;
        if (whole != null) {
            gathered(whole.flip());
        }
    }

    /** Passes the run that ends before this position, so that what follows may go elsewhere. */
    protected final void endRun(int position) {
        if (position > runStart) {
            int limit = data.limit();
            data.limit(position).position(runStart);
            pass(data);
            data.limit(limit);
            runStart = position;
        }
    }

    private void keep(int position, int limit) {
        endRun(position);
        ByteBuffer kept = ByteBuffer.allocate(limit - position);
        kept.put(0, data, position, limit - position);
        early = kept;
        runStart = limit;
    }
}
