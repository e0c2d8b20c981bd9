// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.Link;
import io.peerpod.relay.PlainLink;
import io.peerpod.relay.Sockets;
import io.peerpod.relay.TlsIdentity;
import io.peerpod.relay.TlsLink;
import io.peerpod.relay.session.Carrier;
import io.peerpod.relay.session.Message;
import io.peerpod.relay.session.SessionPipe;
import io.peerpod.relay.session.SessionTable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Accepts connections and lets those in that authenticate. Strangers share two small rooms: one for those that have not sent a whole first message,
 * whose oldest guest leaves when it is full, and one for those in a handshake, where one that takes too long leaves. So no number of silent strangers keeps a relay out.
 */
final class Door implements EventLoop.Ready, ServerHandshake.Listener, SessionTable.Users {
    private static final Logger log = LoggerFactory.getLogger(Door.class);

    /** Accepted in one go before other connections get their turn. */
    private static final int MAX_ACCEPTS_AT_ONCE = 64;

    /** What a handshake may take before another one may push it out: some round trips and the computing of both sides. */
    private static final long FAIR_HANDSHAKE_NANOS = 2_000_000_000;

    /** How long nothing is accepted after the process ran out of descriptors. */
    private static final Duration ACCEPT_PAUSE = Duration.ofMillis(50);

    private final Switchboard board;
    private final ServerSocketChannel listener;
    private final Optional<TlsIdentity> identity;
    private final Executor expensive;
    private final EventLoop loop;
    private final SessionTable sessions;
    private final LinkedHashMap<ServerHandshake, EventLoop.Timer> silent = new LinkedHashMap<>();
    private final LinkedHashMap<ServerHandshake, Shaking> shaking = new LinkedHashMap<>();

    /** A handshake under way. */
    private record Shaking(EventLoop.Timer timer, long sinceNanos) {}

    Door(Switchboard board, ServerSocketChannel listener, Optional<TlsIdentity> identity, Executor expensive) {
        this.board = board;
        this.listener = listener;
        this.identity = identity;
        this.expensive = expensive;
        loop = board.loop();
        sessions =
                new SessionTable(loop, board.limits().sessions(), board.limits().handshakeTimeout(), this);
    }

    SessionTable sessions() {
        return sessions;
    }

    void open() throws IOException {
        listener.configureBlocking(false);
        loop.register(listener, SelectionKey.OP_ACCEPT, this);
    }

    @Override
    public void ready(SelectionKey key) {
        for (int i = 0; i < MAX_ACCEPTS_AT_ONCE; i++) {
            try {
                SocketChannel channel = listener.accept();
                if (channel == null) {
                    return;
                }
                admit(channel);
            } catch (IOException e) {
                log.atWarn().addKeyValue("failure", e.getMessage()).log("a connection could not be accepted");
                evictOldestSilent();
                key.interestOps(0);
                loop.after(ACCEPT_PAUSE, () -> {
                    if (key.isValid()) {
                        key.interestOps(SelectionKey.OP_ACCEPT);
                    }
                });
                return;
            }
        }
    }

    @Override
    public void failed(Throwable cause) {
        log.atError().setCause(cause).log("the listener failed in an unexpected way; it goes on");
    }

    private void admit(SocketChannel channel) throws IOException {
        try {
            channel.configureBlocking(false);
            Sockets.tune(channel);
            if (identity.isEmpty()) {
                welcome(channel, null, null, ByteBuffer.allocate(0));
                return;
            }
            ServerHandshake handshake = new ServerHandshake(loop, channel, expensive, this);
            if (silent.size() >= board.limits().maxSilent()) {
                evictOldestSilent();
            }
            loop.register(channel, SelectionKey.OP_READ, handshake);
            silent.put(handshake, loop.after(board.limits().handshakeTimeout(), () -> expire(handshake)));
        } catch (IOException e) {
            channel.close();
            log.atDebug().addKeyValue("failure", e.getMessage()).log("a connection broke while it was accepted");
        }
    }

    private void expire(ServerHandshake handshake) {
        if (forget(handshake)) {
            handshake.close();
            log.atInfo()
                    .addKeyValue("took", board.limits().handshakeTimeout())
                    .log("a connection did not finish its TLS handshake in time");
        }
    }

    private boolean forget(ServerHandshake handshake) {
        EventLoop.Timer timer = silent.remove(handshake);
        if (timer == null) {
            Shaking under = shaking.remove(handshake);
            timer = under == null ? null : under.timer;
        }
        if (timer == null) {
            return false;
        }
        timer.cancel();
        return true;
    }

    private void evictOldestSilent() {
        Map.Entry<ServerHandshake, EventLoop.Timer> oldest = silent.firstEntry();
        if (oldest != null) {
            silent.remove(oldest.getKey());
            oldest.getValue().cancel();
            oldest.getKey().close();
        }
    }

    @Override
    public @Nullable SSLEngine started(ServerHandshake handshake) {
        EventLoop.Timer timer = silent.remove(handshake);
        if (timer == null) {
            return null;
        }
        if (shaking.size() >= board.limits().maxHandshakes() && !makeRoom()) {
            timer.cancel();
            log.atDebug().log("a handshake was turned away, too many are under way");
            return null;
        }
        shaking.put(handshake, new Shaking(timer, System.nanoTime()));
        return identity.orElseThrow().serverEngine(board.protocols());
    }

    /** A handshake that had its fair time leaves; a young one may stay, or a flood would keep everybody from finishing. */
    private boolean makeRoom() {
        Map.Entry<ServerHandshake, Shaking> oldest = shaking.firstEntry();
        if (oldest == null || System.nanoTime() - oldest.getValue().sinceNanos < FAIR_HANDSHAKE_NANOS) {
            return false;
        }
        shaking.remove(oldest.getKey());
        oldest.getValue().timer.cancel();
        oldest.getKey().close();
        return true;
    }

    @Override
    public void finished(ServerHandshake handshake, SelectionKey key, SSLEngine engine, ByteBuffer rest) {
        forget(handshake);
        try {
            welcome(handshake.channel(), key, engine, rest);
        } catch (IOException e) {
            handshake.close();
            log.atInfo().addKeyValue("failure", e.getMessage()).log("a client broke right after its handshake");
        }
    }

    @Override
    public void broken(ServerHandshake handshake, String why) {
        forget(handshake);
        log.atInfo().addKeyValue("failure", why).log("a TLS handshake failed");
    }

    private void welcome(SocketChannel channel, @Nullable SelectionKey key, @Nullable SSLEngine engine, ByteBuffer rest)
            throws IOException {
        String peer = String.valueOf(channel.getRemoteAddress());
        if (key != null && engine != null && Message.PROTOCOL.equals(engine.getApplicationProtocol())) {
            Carrier carrier = sessions.arrival(peer, TlsIdentity.peerFingerprint(engine));
            TlsLink link = new TlsLink(loop, channel, engine, rest, carrier);
            carrier.use(link);
            link.adopt(key);
            link.handleEarlyData();
            return;
        }
        Client client = new Client(board, peer);
        Link link = engine == null
                ? new PlainLink(loop, channel, client)
                : new TlsLink(loop, channel, engine, rest, client);
        client.attach(link);
        if (!hasRoom(peer)) {
            link.close();
            return;
        }
        if (key == null) {
            link.register();
        } else {
            link.adopt(key);
        }
        board.add(client);
        if (link instanceof TlsLink tls) {
            tls.handleEarlyData();
        }
    }

    private boolean hasRoom(String peer) {
        if (board.hasRoom() || (sessions.dropOldest() && board.hasRoom())) {
            return true;
        }
        log.atWarn()
                .addKeyValue("client", peer)
                .addKeyValue("clients", board.limits().maxClients())
                .log("a relay was turned away, too many are connected");
        return false;
    }

    @Override
    public Optional<Client> admit(String peer) {
        return hasRoom(peer) ? Optional.of(new Client(board, peer)) : Optional.empty();
    }

    @Override
    public void entered(Link.Handler user, SessionPipe pipe) {
        if (user instanceof Client client) {
            client.attach(pipe);
            board.add(client);
        }
    }

    void close() {
        silent.keySet().forEach(ServerHandshake::close);
        shaking.keySet().forEach(ServerHandshake::close);
        silent.clear();
        shaking.clear();
        try {
            listener.close();
        } catch (IOException _) {
            // The descriptor is gone either way.
        }
    }
}
