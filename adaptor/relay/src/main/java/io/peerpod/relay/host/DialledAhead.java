// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus;
import io.peerpod.relay.TlsFiles;
import io.peerpod.relay.TlsIdentity;
import io.peerpod.relay.Upstream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a successor gets ready before it asks for anything: the TLS identities, and a connection to each guest, on which a session then goes on in one round trip. */
final class DialledAhead {
    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final Logger log = LoggerFactory.getLogger(DialledAhead.class);

    private final Map<TlsFiles, TlsIdentity> identities = new ConcurrentHashMap<>();
    private final Map<String, Upstream> upstreams = new ConcurrentHashMap<>();

    private DialledAhead() {}

    /** Nothing was got ready. */
    static DialledAhead nothing() {
        return new DialledAhead();
    }

    /** Gets ready for these sessions, all at once; what does not succeed is done later. */
    static DialledAhead prepare(List<SessionStatus> sessions, EventLoop timers) throws InterruptedException {
        DialledAhead ahead = new DialledAhead();
        List<Thread> dialling = new ArrayList<>();
        for (SessionStatus status : sessions) {
            Optional<SessionSpec> spec = status.spec();
            if (status.state() == SessionStatus.State.READY
                    && spec.isPresent()
                    && spec.get().tls().isPresent()) {
                dialling.add(Thread.ofVirtual()
                        .name("dial ahead " + status.sandboxId())
                        .start(() -> ahead.dial(spec.get(), timers)));
            }
        }
        for (Thread thread : dialling) {
            thread.join();
        }
        return ahead;
    }

    private void dial(SessionSpec spec, EventLoop timers) {
        try {
            Upstream upstream =
                    new Dialer(spec, identity(spec), timers, true).redial(LIMIT).upstream();
            if (Dialled.speaksSessions(upstream)) {
                upstreams.put(spec.sandboxId(), upstream);
            } else {
                upstream.close();
            }
        } catch (RelayException | IllegalArgumentException e) {
            log.atInfo()
                    .addKeyValue("sandbox", spec.sandboxId())
                    .addKeyValue("failure", e.getMessage())
                    .log("a guest was not dialled ahead of the hand-over");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** @throws IllegalArgumentException when its files cannot be used */
    Optional<TlsIdentity> identity(SessionSpec spec) {
        return spec.tls().map(files -> identities.computeIfAbsent(files, TlsIdentity::of));
    }

    /** The connection for this session, for whoever asks first; null for none. */
    @Nullable
    Upstream take(String sandboxId) {
        return upstreams.remove(sandboxId);
    }

    /** Closes what nobody took. */
    void close() {
        upstreams.values().forEach(Upstream::close);
        upstreams.clear();
    }
}
