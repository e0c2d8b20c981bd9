// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/** What the node daemon can ask of the relay process. All methods may be called from many threads at once. */
public interface RelayControl extends AutoCloseable {
    /** Who answers on the control socket. */
    RelayInfo info() throws RelayException;

    /**
     * Opens a session: binds {@code spec.socket()}, dials the pod VM and returns when the agent's Health/Check came back through the tunnel. A session that is
     * already open or opening with an equal spec is joined; one with another spec is a {@link RelayException.Failure#CONFLICT}. A session whose opening failed is
     * removed again; the opening itself goes on when only the caller goes away.
     *
     * @param budget how long the pod VM may take to answer, from now
     * @throws RelayException with the last thing that went wrong, in words
     */
    void open(SessionSpec spec, Duration budget) throws RelayException, InterruptedException;

    /**
     * As {@link #open(SessionSpec, Duration)}, and says which steps of the way were made when, in success and in failure alike, before it returns or throws.
     */
    default void open(SessionSpec spec, Duration budget, Consumer<DialStep> steps)
            throws RelayException, InterruptedException {
        open(spec, budget);
    }

    /**
     * Ends a session in whatever state: interrupts its dialling, closes its connections, unlinks its socket. An unknown sandbox is no error. When this returns
     * nothing of the session is left.
     */
    void close(String sandboxId) throws RelayException;

    /** Every session that was opened and not closed yet, lost ones included, in the order of their sandbox ids. */
    List<SessionStatus> list() throws RelayException;

    /**
     * Blocks until the session is lost or closed, and says which. A session that is still connecting is waited for. An unknown sandbox counts as closed.
     */
    SessionStatus awaitEnd(String sandboxId) throws RelayException, InterruptedException;

    /**
     * Blocks until the session has been without a connection to its pod VM for longer than a reconnect takes, or is lost or closed, and says which: a status that is
     * {@link SessionStatus.State#READY} is dialled again, and its reason says why. Returns at once while that lasts.
     */
    default SessionStatus awaitTrouble(String sandboxId) throws RelayException, InterruptedException {
        return awaitEnd(sandboxId);
    }

    @Override
    void close();
}
