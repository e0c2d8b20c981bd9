// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Talks to a relay process over its control socket. */
public final class RelayClient implements RelayControl {
    private final Path socket;

    private RelayClient(Path socket) {
        this.socket = socket;
    }

    /**
     * Connects to the control socket of a running relay.
     *
     * @throws IOException when nobody listens there
     */
    public static RelayClient connect(Path relaySocket) throws IOException {
        if (!Files.exists(relaySocket)) {
            throw new IOException("no relay listens on " + relaySocket);
        }
        return new RelayClient(relaySocket);
    }

    private RelayException notYet() {
        return new RelayException(
                RelayException.Failure.RELAY_GONE,
                "the relay's control protocol is not built yet (socket " + socket + ")");
    }

    @Override
    public RelayInfo info() throws RelayException {
        throw notYet();
    }

    @Override
    public void open(SessionSpec spec, Duration budget) throws RelayException {
        throw notYet();
    }

    @Override
    public void close(String sandboxId) throws RelayException {
        throw notYet();
    }

    @Override
    public List<SessionStatus> list() throws RelayException {
        throw notYet();
    }

    @Override
    public SessionStatus awaitEnd(String sandboxId) throws RelayException {
        throw notYet();
    }

    @Override
    public void close() {
        // Nothing is held yet.
    }
}
