// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import java.time.Duration;

/**
 * How much of sandboxes that are gone is kept for whoever asks why.
 *
 * @param count journals at most; 0 keeps none
 * @param age no journal of a sandbox that ended longer ago
 */
public record EndedLimits(int count, Duration age) {
    /** Journals kept unless the configuration says otherwise: about a megabyte. */
    public static final int DEFAULT_COUNT = 200;

    /** How long they are kept unless the configuration says otherwise. */
    public static final Duration DEFAULT_AGE = Duration.ofDays(7);

    /** What holds unless the configuration says otherwise. */
    public static final EndedLimits DEFAULT = new EndedLimits(DEFAULT_COUNT, DEFAULT_AGE);
}
