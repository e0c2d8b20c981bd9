// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import io.peerpod.relay.EventLoop;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Notices that a connection is dead although nobody closed it: a NAT forgot it, a route is gone, packets are dropped. */
final class KeepAlive {
    private final SessionPipe pipe;
    private final EventLoop loop;
    private final SessionLimits limits;
    private final boolean asks;
    private EventLoop.@Nullable Timer timer;
    private long heardNanos;
    private long tickNanos;

    /** @param asks whether this side sends pings; the other one only waits for them */
    KeepAlive(SessionPipe pipe, EventLoop loop, SessionLimits limits, boolean asks) {
        this.pipe = pipe;
        this.loop = loop;
        this.limits = limits;
        this.asks = asks;
    }

    /** A connection stands. */
    void start() {
        stop();
        heard();
        tickNanos = heardNanos;
        schedule();
    }

    void stop() {
        EventLoop.Timer running = timer;
        timer = null;
        if (running != null) {
            running.cancel();
        }
    }

    /** Something came from the peer. */
    void heard() {
        heardNanos = System.nanoTime();
    }

    private void schedule() {
        timer = loop.after(interval(), this::look);
    }

    private Duration interval() {
        return limits.pingAfter().dividedBy(2);
    }

    private void look() {
        long now = System.nanoTime();
        boolean late = now - tickNanos > 2 * interval().toNanos();
        tickNanos = now;
        schedule();
        if (late) {
            // This process stood still: that says nothing about the peer.
            heardNanos = now;
            if (asks) {
                pipe.ping();
            }
            return;
        }
        long silentNanos = now - heardNanos;
        if (silentNanos >= limits.silenceLimit().toNanos()) {
            pipe.disconnect(
                    "nothing was heard for " + Duration.ofNanos(silentNanos).toMillis() + " ms");
        } else if (asks && silentNanos >= limits.pingAfter().toNanos()) {
            pipe.ping();
        }
    }
}
