// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

/** The forwarder cannot start or go on; the message says why and what to do. */
public final class ForwarderException extends Exception {

    private static final long serialVersionUID = 1L;

    public ForwarderException(String message) {
        super(message);
    }

    public ForwarderException(String message, Throwable cause) {
        super(message, cause);
    }
}
