// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/** Callers that share one connection, each with one call open at any time: a closed loop. */
interface Load extends AutoCloseable {
    /** Connects a client of that kind. */
    static Load connect(Path unixSocket, Peers peers) throws IOException {
        return switch (peers) {
            case USUAL -> new ThreadedLoad(unixSocket);
            case FAST -> new LoopLoad(unixSocket);
        };
    }

    /** Runs the case for about this long. */
    LoadResult run(LoadCase load, Duration duration) throws IOException;

    @Override
    void close();
}
