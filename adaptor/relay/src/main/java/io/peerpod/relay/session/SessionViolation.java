// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import java.io.IOException;

/** The peer sent something that the protocol does not allow; the session is over. */
public final class SessionViolation extends IOException {
    private static final long serialVersionUID = 1;

    SessionViolation(String words) {
        super(words);
    }
}
