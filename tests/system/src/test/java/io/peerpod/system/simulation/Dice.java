// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

/** Random numbers from a seed, the same on every machine. */
final class Dice {
    private static final long GAMMA = 0x9E3779B97F4A7C15L;

    private long state;

    Dice(long seed) {
        state = seed;
        next();
    }

    private long next() {
        state += GAMMA;
        long z = state;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** From 0 to below the bound. */
    int below(int bound) {
        return (int) (((next() >>> 32) * bound) >>> 32);
    }

    /** Once in so many times. */
    boolean oneIn(int times) {
        return below(times) == 0;
    }
}
