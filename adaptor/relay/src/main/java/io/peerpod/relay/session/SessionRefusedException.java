// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import java.io.IOException;

/** The forwarder does not go on with a session; asking again is of no use. */
public final class SessionRefusedException extends IOException {
    private static final long serialVersionUID = 1;

    private final Reason reason;

    SessionRefusedException(Reason reason, String words) {
        super(words);
        this.reason = reason;
    }

    /** Why. */
    public Reason reason() {
        return reason;
    }
}
