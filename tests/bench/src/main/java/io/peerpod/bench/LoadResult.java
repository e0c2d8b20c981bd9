// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.time.Duration;

/**
 * What one run of a case came to.
 *
 * @param load what was run
 * @param latencies of every call
 * @param errors answers with a status or of the wrong size
 * @param took from the first request to the last answer
 */
record LoadResult(LoadCase load, LatencyHistogram latencies, long errors, Duration took) {
    double requestsPerSecond() {
        return latencies.total() / (took.toNanos() / 1e9);
    }

    /** Payload both ways, in 10^6 bytes a second. */
    double megabytesPerSecond() {
        return requestsPerSecond() * (load.upBytes() + load.downBytes()) / 1e6;
    }

    double micros(double part) {
        return latencies.percentile(part) / 1e3;
    }
}
