// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.Upstream;
import io.peerpod.relay.session.Greeting;
import io.peerpod.relay.session.Reason;
import io.peerpod.relay.session.SessionId;
import io.peerpod.relay.session.SessionRefusedException;
import io.peerpod.relay.session.SessionState;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Brings a session whose connection was lost its next one. The greeting is said on one connection at a time: the forwarder takes the last one that greeted, and a second one would push the first
 * one out. Blocking code.
 */
final class Reconnection {
    /** Between two greetings that failed. */
    private static final Duration PAUSE = Duration.ofMillis(50);

    private final Dialer dialer;
    private final SessionId id;
    private final long received;
    private final @Nullable Upstream ahead;

    /** Whether the session may be begun again under its id. */
    private final boolean untouched;

    private boolean forgotten;
    private volatile String lastFailure = "";

    /**
     * @param dialer used for nothing else
     * @param ahead a connection that stands already
     */
    Reconnection(Dialer dialer, SessionState state, @Nullable Upstream ahead) {
        this.ahead = ahead;
        this.dialer = dialer;
        id = state.id();
        received = state.receivedOffset();
        untouched = state.untouched();
    }

    /** What kept it from succeeding so far, in words; empty before the first failure. */
    String lastFailure() {
        String own = lastFailure;
        return own.isEmpty() ? dialer.lastFailure() : own;
    }

    /**
     * Dials until the session goes on.
     *
     * @throws RelayException when the session is lost for good
     */
    Dialled run(Duration patience) throws RelayException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        try {
            Upstream ready = ahead;
            Dialled first = ready == null ? null : greet(ready);
            if (first != null) {
                return first;
            }
            for (long left = patience.toNanos(); left > 0; left = deadline - System.nanoTime()) {
                Dialled resumed = greet(dialer.redial(Duration.ofNanos(left)).upstream());
                if (resumed != null) {
                    return resumed;
                }
                Thread.sleep(PAUSE);
            }
        } catch (RelayException e) {
            throw new RelayException(e.failure(), "the session could not be resumed: " + e.getMessage(), e);
        }
        throw new RelayException(
                Failure.UNREACHABLE,
                "the session could not be resumed within " + patience.toMillis() / 1000.0 + " s: " + lastFailure());
    }

    private @Nullable Dialled greet(Upstream upstream) throws RelayException {
        try {
            if (!Dialled.speaksSessions(upstream)) {
                throw new RelayException(
                        Failure.AGENT, "the forwarder does not know sessions any more: another one answers there now");
            }
            Greeting greeting = dialer.limited(
                    upstream, () -> forgotten ? Greeting.begin(upstream, id) : Greeting.resume(upstream, id, received));
            return new Dialled(upstream, Optional.of(greeting));
        } catch (SessionRefusedException e) {
            upstream.close();
            if (untouched && !forgotten && e.reason() == Reason.UNKNOWN_SESSION) {
                forgotten = true;
                return null;
            }
            throw new RelayException(Failure.AGENT, String.valueOf(e.getMessage()), e);
        } catch (RelayException e) {
            upstream.close();
            throw e;
        } catch (IOException | RuntimeException e) {
            upstream.close();
            lastFailure = "the forwarder did not answer the session's greeting: " + e.getMessage();
            return null;
        }
    }
}
