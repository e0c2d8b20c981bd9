// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.util.Optional;

/**
 * Where a session stands.
 *
 * @param sandboxId of the Kata sandbox
 * @param state of the session
 * @param reason why it was lost, the last dial failure while it is connecting, or why it has no connection at present; empty otherwise
 * @param shimConnections open connections on the agent socket, silent ones included
 * @param spec what it was opened with; empty only for a session that is unknown
 */
public record SessionStatus(
        String sandboxId, State state, Optional<String> reason, int shimConnections, Optional<SessionSpec> spec) {

    /** How the reason of a loss begins that the shim itself brought about. */
    public static final String DESTROYED = "the agent left at DestroySandbox";

    /** The states of a session; it moves down this list and never up. */
    public enum State {
        /** The socket is bound, the pod VM has not answered yet. */
        CONNECTING,
        /** The agent answered; the shim is or can be connected. */
        READY,
        /** The upstream of a shim is gone for good; the socket is unlinked. Remains listed until it is closed. */
        LOST,
        /** Closed by request, or never opened. */
        CLOSED
    }

    /** Whether it was lost in good order: the shim destroyed the sandbox, and the agent left. */
    public boolean destroyed() {
        return state == State.LOST && reason.orElse("").startsWith(DESTROYED);
    }

    /** Whether the session is over. */
    public boolean ended() {
        return state == State.LOST || state == State.CLOSED;
    }
}
