// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.time.Instant;

/**
 * How far the way to a guest was made, and when for the first time.
 *
 * @param at wall clock
 */
public record DialStep(Kind kind, Instant at) {

    /** The steps, in the order of the way. */
    public enum Kind {
        /** The first connection attempt began. */
        FIRST_DIAL,
        /** The forwarder's port accepted a connection. */
        PORT_OPEN,
        /** Both certificates were verified; without TLS, the same moment as the port. */
        TLS_DONE,
        /** Health/Check came back. */
        AGENT_ANSWERED
    }
}
