// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import java.time.Duration;
import java.time.Instant;

/**
 * A stretch of a sandbox's life.
 *
 * @param spent what it went into
 * @param open whether it is still going on; {@code to} is then the moment of looking
 */
public record Span(Spent spent, Instant from, Instant to, boolean open) {

    /** How long; a clock that was set back gives zero. */
    public Duration length() {
        Duration length = Duration.between(from, to);
        return length.isNegative() ? Duration.ZERO : length;
    }
}
