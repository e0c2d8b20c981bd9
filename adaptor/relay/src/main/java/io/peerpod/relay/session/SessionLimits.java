// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import java.time.Duration;

/**
 * The times of a session.
 *
 * @param acknowledgeDelay how long received bytes may go unconfirmed when nothing else is said
 * @param pingAfter silence of the peer after which it is asked whether it is there; the relay asks, the forwarder answers
 * @param silenceLimit silence of the peer after which a connection is given up for dead
 * @param patience how long a session without a connection is kept
 */
public record SessionLimits(Duration acknowledgeDelay, Duration pingAfter, Duration silenceLimit, Duration patience) {
    /** What a relay on a node uses. */
    public static final SessionLimits RELAY = new SessionLimits(
            Duration.ofMillis(20), Duration.ofSeconds(5), Duration.ofSeconds(12), Duration.ofMinutes(2));

    /** What a forwarder uses: it waits longer than a relay tries. */
    public static final SessionLimits FORWARDER = new SessionLimits(
            Duration.ofMillis(20), Duration.ofSeconds(15), Duration.ofSeconds(30), Duration.ofMinutes(3));

    /** The same with another patience. */
    public SessionLimits withPatience(Duration other) {
        return new SessionLimits(acknowledgeDelay, pingAfter, silenceLimit, other);
    }
}
