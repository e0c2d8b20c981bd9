// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.Optional;

/** Many schedules, one seed after the other, until one fails. */
final class Campaign {
    private static final int BATCH = 1_000;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private Campaign() {}

    /**
     * How it went.
     *
     * @param schedules that were run, a failed one included
     * @param took by the wall clock
     * @param computed what the one thread used of a processor
     * @param failure the seed that failed and why
     */
    record Result(long schedules, Duration took, Duration computed, Optional<Failure> failure) {
        /** On one core of its own. */
        long perSecond() {
            return schedules * 1_000_000_000L / Math.max(1, computed.toNanos());
        }
    }

    record Failure(long seed, RuntimeException why) {}

    /** Runs so many schedules, or as many as the time allows. */
    static Result run(long firstSeed, long most, Duration time, Rules rules) {
        long start = System.nanoTime();
        long used = THREADS.getCurrentThreadCpuTime();
        long done = 0;
        while (done < most) {
            long batch = Math.min(BATCH, most - done);
            for (long i = 0; i < batch; i++) {
                long seed = firstSeed + done;
                try {
                    Schedule.run(seed, rules);
                } catch (RuntimeException e) {
                    return result(start, used, done + 1, Optional.of(new Failure(seed, e)));
                }
                done++;
            }
            if (System.nanoTime() - start > time.toNanos()) {
                break;
            }
        }
        return result(start, used, done, Optional.empty());
    }

    private static Result result(long start, long used, long done, Optional<Failure> failure) {
        return new Result(
                done,
                Duration.ofNanos(System.nanoTime() - start),
                Duration.ofNanos(THREADS.getCurrentThreadCpuTime() - used),
                failure);
    }
}
