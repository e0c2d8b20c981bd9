// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.Upstream;
import io.peerpod.relay.session.Greeting;
import io.peerpod.relay.session.Message;
import java.io.IOException;
import java.util.Optional;

/**
 * A connection to a forwarder for a shim's use.
 *
 * @param upstream the connection
 * @param greeting the session that was agreed on it; empty with a forwarder that knows none, where the connection is all there is
 */
record Dialled(Upstream upstream, Optional<Greeting> greeting) {
    /** Begins a session where the forwarder speaks the protocol. */
    static Dialled begin(Upstream upstream) throws IOException {
        return new Dialled(
                upstream, speaksSessions(upstream) ? Optional.of(Greeting.open(upstream)) : Optional.empty());
    }

    static boolean speaksSessions(Upstream upstream) {
        return upstream.protocol().equals(Message.PROTOCOL);
    }

    void close() {
        upstream.close();
    }
}
