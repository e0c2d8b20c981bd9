// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import java.io.IOException;

/** The agent answered Health/Check, but not that it is well; the message is its answer. */
final class NotReadyException extends IOException {
    private static final long serialVersionUID = 1;

    NotReadyException(String answer) {
        super(answer);
    }
}
