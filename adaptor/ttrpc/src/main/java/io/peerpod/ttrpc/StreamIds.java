// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.util.BitSet;

/**
 * Which stream ids a client has used. Any new odd id is good, in any order, since some clients number their calls before they queue
 * them. Remembers the newest {@link #WINDOW} odd ids; an older one counts as used. For the reader thread.
 */
final class StreamIds {
    /** Odd ids that may lie between the newest one and one that comes late. */
    static final int WINDOW = 1 << 14;

    /** Bit (number modulo WINDOW), number = id / 2. */
    private final BitSet used = new BitSet();

    private long highest = -1;

    /** Marks an id as used; false when it is even or was used before. */
    boolean accept(int streamId) {
        if ((streamId & 1) == 0) {
            return false;
        }
        long number = Integer.toUnsignedLong(streamId) >>> 1;
        if (number > highest) {
            forget(highest + 1, number);
            highest = number;
        } else if (number <= highest - WINDOW) {
            return false;
        }
        int bit = (int) (number % WINDOW);
        if (used.get(bit)) {
            return false;
        }
        used.set(bit);
        return true;
    }

    private void forget(long from, long to) {
        if (to - from >= WINDOW) {
            used.clear();
            return;
        }
        for (long number = from; number <= to; number++) {
            used.clear((int) (number % WINDOW));
        }
    }
}
