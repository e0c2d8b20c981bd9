// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

/** Why a session was refused or ended. Codes are on the wire; a new one may be added, none changes. */
public enum Reason {
    /** The sender needs it no more. */
    DONE(0),
    /** The agent closed its connection. */
    AGENT_GONE(1),
    /** No session of this id: the forwarder was started anew without its state, or waited too long. */
    UNKNOWN_SESSION(2),
    /** The session belongs to another certificate. */
    NOT_YOURS(3),
    /** What the one has received is not what the other can continue. */
    OFFSET(4),
    /** Too many sessions. */
    FULL(5),
    /** The peer broke the protocol. */
    PROTOCOL(6),
    /** The sender is ending. */
    SHUTDOWN(7),
    /** A code that this version does not know. */
    OTHER(255);

    private final int code;

    Reason(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    static Reason of(long code) {
        for (Reason reason : values()) {
            if (reason.code == code) {
                return reason;
            }
        }
        return OTHER;
    }
}
