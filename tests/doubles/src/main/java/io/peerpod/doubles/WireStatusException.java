// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

/** An answer with a status other than success, exactly as it came. */
public final class WireStatusException extends Exception {
    private static final long serialVersionUID = 1L;

    private final int code;
    private final String statusMessage;

    WireStatusException(int code, String statusMessage) {
        super("code " + code + ": " + statusMessage);
        this.code = code;
        this.statusMessage = statusMessage;
    }

    /** One of the gRPC codes, never 0. */
    public int code() {
        return code;
    }

    /** The text of the status, byte for byte. */
    public String statusMessage() {
        return statusMessage;
    }
}
