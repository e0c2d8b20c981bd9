// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.DialStep;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.TlsIdentity;
import io.peerpod.relay.Upstream;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** What an attempt at a new pod VM does beyond TLS: Health/Check on the connection that stands, and meanwhile a second connection for the shim. */
final class FirstContact implements Dialer.Finish {
    private final SessionSpec spec;
    private final Optional<TlsIdentity> identity;
    private final EventLoop timers;
    private final boolean resumable;
    private final Consumer<DialStep.Kind> made;

    FirstContact(
            SessionSpec spec,
            Optional<TlsIdentity> identity,
            EventLoop timers,
            boolean resumable,
            Consumer<DialStep.Kind> made) {
        this.spec = spec;
        this.identity = identity;
        this.timers = timers;
        this.resumable = resumable;
        this.made = made;
    }

    @Override
    public boolean resumable() {
        return false;
    }

    @Override
    public Dialled finish(DialAttempt attempt, Upstream connected, InetAddress address, long nanosLeft)
            throws IOException {
        try (connected) {
            attempt.probing();
            made.accept(DialStep.Kind.TLS_DONE);
            CompletableFuture<Dialled> fresh = second(address);
            Optional<String> refusal = refusal(attempt, connected, nanosLeft, fresh);
            if (refusal.isPresent()) {
                throw new NotReadyException(refusal.get());
            }
            made.accept(DialStep.Kind.AGENT_ANSWERED);
            return taken(fresh);
        }
    }

    private static Optional<String> refusal(
            DialAttempt attempt, Upstream probe, long nanosLeft, CompletableFuture<Dialled> fresh) throws IOException {
        try {
            Optional<String> refusal =
                    attempt.limited(Duration.ofNanos(nanosLeft), () -> HealthProbe.check(probe, nanosLeft));
            if (refusal.isPresent()) {
                discard(fresh);
            }
            return refusal;
        } catch (IOException | RuntimeException e) {
            discard(fresh);
            throw e;
        }
    }

    /** The shim's own connection, made while the probe is under way. */
    private CompletableFuture<Dialled> second(InetAddress address) {
        CompletableFuture<Dialled> connected = new CompletableFuture<>();
        Thread.ofVirtual().name("dial " + spec.sandboxId()).start(() -> {
            try {
                connected.complete(new DialAttempt(spec, identity, timers).connectForShim(address, resumable));
            } catch (IOException | RuntimeException e) {
                connected.completeExceptionally(e);
            }
        });
        return connected;
    }

    private static void discard(CompletableFuture<Dialled> connected) {
        CompletableFuture<Void> _ = connected.thenAccept(Dialled::close);
    }

    private static Dialled taken(CompletableFuture<Dialled> connected) throws IOException {
        return switch (connected
                .handle((dialled, failure) -> failure == null ? dialled : failure)
                .join()) {
            case Dialled dialled -> dialled;
            case IOException e -> throw e;
            case Throwable e -> throw new IOException("the second connection failed", e);
            default -> throw new IllegalStateException("neither a connection nor a failure");
        };
    }
}
