// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.io.IOException;
import java.time.Duration;

/** Closes a load that hangs, so that a lost answer ends the measurement with words instead of never. */
final class StallWatch implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final LoadCase load;
    private final Thread watch;
    private volatile boolean stalled;

    private StallWatch(LoadCase load, Duration duration, Load watched) {
        this.load = load;
        this.watch = Thread.ofVirtual().unstarted(() -> {
            try {
                Thread.sleep(duration.plus(LIMIT));
                stalled = true;
                watched.close();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    static StallWatch start(LoadCase load, Duration duration, Load watched) {
        StallWatch started = new StallWatch(load, duration, watched);
        started.watch.start();
        return started;
    }

    /** A run that may be cut off. */
    interface Run {
        LoadResult run() throws IOException;
    }

    LoadResult explain(Run run) throws IOException {
        try {
            return run.run();
        } catch (IOException e) {
            if (stalled) {
                throw new IOException(
                        "case " + load.name() + ": an answer did not come within " + LIMIT.toSeconds()
                                + " s; look at the logs of relay and forwarder",
                        e);
            }
            throw e;
        }
    }

    @Override
    public void close() {
        watch.interrupt();
    }
}
