// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.handover;

import com.google.protobuf.ByteString;
import java.util.List;

/**
 * One part of a hand-over.
 *
 * @param kind of its payload
 * @param payload a message of {@code handover.proto}, or words
 * @param descriptors that came along, open in this process
 */
public record Part(Kind kind, ByteString payload, List<Integer> descriptors) {
    /** Kinds of parts. The numbers are on the wire and stay. */
    public enum Kind {
        /** Predecessor: what comes, {@link HeldBegin}; the control socket's listener comes along. */
        BEGIN(1),
        /** Predecessor: a {@link HeldSession} with its descriptors. */
        SESSION(2),
        /** Predecessor: that was all, {@link HeldEnd}. */
        END(3),
        /** Successor: everything is adopted. */
        READY(4),
        /** Predecessor: yours from here on. It never touches the sockets again. */
        COMMIT(5),
        /** Either: not this time, with the reason in words. The predecessor goes on. */
        ABORT(6);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /** A part without payload and descriptors. */
    public static Part of(Kind kind) {
        return new Part(kind, ByteString.EMPTY, List.of());
    }

    /** A refusal. */
    public static Part abort(String words) {
        return new Part(Kind.ABORT, ByteString.copyFromUtf8(words), List.of());
    }
}
