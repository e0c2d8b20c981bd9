// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

/**
 * Counts durations in buckets that grow with the value, so that every one is known to within one part in 128, from one nanosecond to
 * hours, in 64 KiB. Not safe for use by several threads.
 */
final class LatencyHistogram {
    private static final int SUB_BITS = 7;
    private static final int SUBS = 1 << SUB_BITS;

    private final long[] counts = new long[(64 - SUB_BITS) * SUBS];
    private long total;
    private long max;

    /** Counts one duration; a negative one counts as zero. */
    void record(long nanos) {
        long value = Math.max(0, nanos);
        counts[index(value)]++;
        total++;
        max = Math.max(max, value);
    }

    private static int index(long value) {
        if (value < SUBS) {
            return (int) value;
        }
        int shift = 63 - Long.numberOfLeadingZeros(value) - SUB_BITS;
        return (shift + 1) * SUBS + (int) (value >>> shift) - SUBS;
    }

    /** The middle of a bucket. */
    private static long value(int index) {
        if (index < SUBS) {
            return index;
        }
        int shift = index / SUBS - 1;
        long low = (long) (index % SUBS + SUBS) << shift;
        return low + (1L << shift) / 2;
    }

    long total() {
        return total;
    }

    /** The longest duration in nanoseconds, exactly. */
    long max() {
        return max;
    }

    /** Nanoseconds below which the given part of all durations lies; 0 when there are none. */
    long percentile(double part) {
        long rank = (long) Math.ceil(part * total);
        if (rank >= total) {
            return max;
        }
        long seen = 0;
        for (int i = 0; i < counts.length; i++) {
            seen += counts[i];
            if (counts[i] > 0 && seen >= rank) {
                return Math.min(value(i), max);
            }
        }
        return max;
    }

    /** Adds what another one has counted. */
    void add(LatencyHistogram other) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] += other.counts[i];
        }
        total += other.total;
        max = Math.max(max, other.max);
    }
}
