// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

/** A request to the relay that did not succeed; the message is a sentence for the operator. */
public final class RelayException extends Exception {
    private static final long serialVersionUID = 1;

    private final Failure failure;

    /** What kind of failure it was, for callers that decide on it. */
    public enum Failure {
        /** The spec cannot work: path too long, unreadable key, bad TLS profile. Trying again does not help. */
        BAD_SPEC,
        /** Another session of the same sandbox exists, with another spec, or it was lost and not closed yet. */
        CONFLICT,
        /** No TCP connection within the budget: refused, or no answer at all. */
        UNREACHABLE,
        /** TCP works, TLS does not: certificate not trusted, wrong name, handshake refused. */
        TLS,
        /** The tunnel stands, the agent behind it does not answer its health check. */
        AGENT,
        /** The session was closed while it was being opened. */
        CLOSED,
        /** The relay process cannot be talked to. */
        RELAY_GONE,
        /** Something the relay did not expect; its log has the stack. */
        INTERNAL
    }

    /** A failure with its sentence. */
    public RelayException(Failure failure, String message) {
        super(message);
        this.failure = failure;
    }

    /** A failure with its sentence and its cause. */
    public RelayException(Failure failure, String message, Throwable cause) {
        super(message, cause);
        this.failure = failure;
    }

    /** What kind it was. */
    public Failure failure() {
        return failure;
    }
}
