// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.util.Optional;

/**
 * A relay process.
 *
 * @param processId its pid in its own pid namespace
 * @param version of its release
 * @param sessions how many it holds
 * @param build what it was built from; empty from a relay before protocol 2
 * @param protocol version of the control protocol; 0 from a relay before protocol 2, which cannot hand over
 * @param obstacle why it would not hand over now, a sentence
 */
public record RelayInfo(
        long processId, String version, int sessions, String build, int protocol, Optional<String> obstacle) {
    /** The protocol of this build. A relay of any protocol can be asked what the first one had. */
    public static final int PROTOCOL = 2;

    /** The first one that has HandOver. */
    public static final int HAND_OVER_PROTOCOL = 2;
}
