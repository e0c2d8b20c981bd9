// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import java.security.SecureRandom;
import java.util.HexFormat;

/** The 128 random bits that name a session. Whoever knows them still needs the same TLS identity. */
public record SessionId(long high, long low) {
    /** On the wire. */
    public static final int BYTES = 16;

    private static final SecureRandom RANDOM = new SecureRandom();

    /** A new id. */
    public static SessionId random() {
        return new SessionId(RANDOM.nextLong(), RANDOM.nextLong());
    }

    /** Enough to tell sessions apart in a log, too little to resume one. */
    @Override
    public String toString() {
        return "session " + HexFormat.of().toHexDigits(high, 8);
    }
}
