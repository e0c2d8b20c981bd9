// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.Sockets;
import io.peerpod.relay.TlsIdentity;
import io.peerpod.relay.Upstream;
import io.peerpod.relay.host.DialFailure.Stage;
import io.peerpod.relay.session.Message;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One connection being made by blocking code: TCP, then TLS, each with its own time limit. {@link #cancel} from another thread ends it. */
final class DialAttempt {
    private final SessionSpec spec;
    private final Optional<TlsIdentity> identity;
    private final EventLoop timers;
    private volatile @Nullable SocketChannel channel;
    private volatile boolean cancelled;
    private volatile boolean timedOut;
    private volatile Stage stage = Stage.CONNECT;

    DialAttempt(SessionSpec spec, Optional<TlsIdentity> identity, EventLoop timers) {
        this.spec = spec;
        this.identity = identity;
        this.timers = timers;
    }

    Stage stage() {
        return stage;
    }

    boolean cancelled() {
        return cancelled;
    }

    /** Whether {@link #limited} ran out of its time. */
    boolean timedOut() {
        return timedOut;
    }

    /** A connection that a shim can use, with a session on it where both sides know them. */
    Dialled connectForShim(InetAddress address, boolean resumable) throws IOException {
        Upstream connected = connect(address, resumable, () -> {});
        try {
            return limited(Dialer.HANDSHAKE_TIMEOUT, () -> Dialled.begin(connected));
        } catch (IOException | RuntimeException e) {
            connected.close();
            throw e;
        }
    }

    /** Connects; calls back between TCP and TLS. */
    Upstream connect(InetAddress address, boolean resumable, Runnable afterTcp) throws IOException {
        SocketChannel open = SocketChannel.open();
        channel = open;
        try {
            if (cancelled) {
                throw new SocketTimeoutException("cancelled");
            }
            open.socket().connect(new InetSocketAddress(address, spec.port()), (int) Dialer.CONNECT_TIMEOUT.toMillis());
            Sockets.tune(open);
            stage = Stage.HANDSHAKE;
            afterTcp.run();
            if (identity.isEmpty()) {
                return Upstream.plain(open);
            }
            List<String> protocols = resumable ? List.of(Message.PROTOCOL) : List.of();
            return limited(
                    Dialer.HANDSHAKE_TIMEOUT,
                    () -> Upstream.handshake(
                            open, identity.get().clientEngine(spec.serverName(), spec.port(), protocols)));
        } catch (IOException | RuntimeException e) {
            open.close();
            throw e;
        }
    }

    /** Blocking code that has an end. */
    interface Step<T extends @Nullable Object> {
        T run() throws IOException;
    }

    /** Runs a step on the connection; when it takes longer than this the connection is closed under it. */
    <T extends @Nullable Object> T limited(Duration limit, Step<T> step) throws IOException {
        EventLoop.Timer timer = timers.after(limit, () -> {
            timedOut = true;
            closeChannel();
        });
        try {
            return step.run();
        } finally {
            timer.cancel();
        }
    }

    void probing() {
        stage = Stage.PROBE;
    }

    void cancel() {
        cancelled = true;
        closeChannel();
    }

    private void closeChannel() {
        SocketChannel open = channel;
        if (open != null) {
            try {
                open.close();
            } catch (IOException _) {
                // The descriptor is gone either way.
            }
        }
    }
}
