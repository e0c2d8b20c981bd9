// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class LatencyHistogramTest {
    @Test
    void everyPercentileIsWithinOnePercentFromNanosecondsToMinutes() {
        for (long scale : new long[] {1, 1_000, 1_000_000, 60_000_000}) {
            LatencyHistogram histogram = new LatencyHistogram();
            for (int i = 1; i <= 1000; i++) {
                histogram.record(i * scale);
            }
            assertThat(histogram.total()).isEqualTo(1000);
            assertThat(histogram.percentile(0.5)).isCloseTo(500 * scale, Percentage.withPercentage(1));
            assertThat(histogram.percentile(0.99)).isCloseTo(990 * scale, Percentage.withPercentage(1));
            assertThat(histogram.percentile(1)).isEqualTo(1000 * scale);
            assertThat(histogram.max()).isEqualTo(1000 * scale);
        }
    }

    @Test
    void nothingCountedIsZero() {
        assertThat(new LatencyHistogram().percentile(0.99)).isZero();
    }

    @Test
    void twoHistogramsAddUp() {
        LatencyHistogram one = new LatencyHistogram();
        one.record(10);
        LatencyHistogram other = new LatencyHistogram();
        other.record(Long.MAX_VALUE);
        one.add(other);
        assertThat(one.total()).isEqualTo(2);
        assertThat(one.percentile(0.5)).isEqualTo(10);
        assertThat(one.max()).isEqualTo(Long.MAX_VALUE);
    }
}
