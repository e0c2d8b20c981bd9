// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.TlsIdentity;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The forwarder's data plane: accepts relay clients, multiplexes them onto the one agent connection, and keeps that connection for ever.
 */
public final class GuestRelay implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(GuestRelay.class);

    /** Longer than the flood of connections that a link of a pod VM can carry in the time of one turn of the loop. */
    private static final int BACKLOG = 4096;

    private static final long HANDSHAKE_THREAD_IDLE_SECONDS = 10;

    private final EventLoop loop;
    private final ThreadPoolExecutor handshakes;
    private final AgentPort agent;
    private final Door door;
    private final Switchboard board;
    private final InetSocketAddress address;
    private final boolean survives;

    private GuestRelay(
            EventLoop loop,
            ThreadPoolExecutor handshakes,
            Switchboard board,
            AgentPort agent,
            Door door,
            InetSocketAddress address,
            boolean survives) {
        this.survives = survives;
        this.loop = loop;
        this.handshakes = handshakes;
        this.board = board;
        this.agent = agent;
        this.door = door;
        this.address = address;
    }

    /**
     * Binds, listens and starts to dial the agent; returns once the port is open.
     *
     * @throws IOException when the address cannot be bound
     * @throws IllegalArgumentException when the key material or the TLS profile is unusable, or a client authority is missing
     */
    public static GuestRelay start(GuestRelayConfig config, RequestEditor editor) throws IOException {
        return prepare(config).start(editor);
    }

    /**
     * Reads and tries the key material, which takes longer than everything else here, so that it can be done beside other work.
     *
     * @throws IllegalArgumentException when the key material or the TLS profile is unusable, or a client authority is missing
     */
    public static Prepared prepare(GuestRelayConfig config) {
        Optional<TlsIdentity> identity = config.tls().map(GuestRelay::identity);
        identity.ifPresent(TlsIdentity::rehearse);
        return new Prepared(config, identity);
    }

    /** A relay that only needs to be started; it holds nothing open. */
    public static final class Prepared {
        private final GuestRelayConfig config;
        private final Optional<TlsIdentity> identity;

        private Prepared(GuestRelayConfig config, Optional<TlsIdentity> identity) {
            this.config = config;
            this.identity = identity;
        }

        /**
         * As {@link GuestRelay#start}.
         *
         * @throws IOException when the address cannot be bound
         */
        public GuestRelay start(RequestEditor editor) throws IOException {
            return GuestRelay.start(config, identity, editor);
        }
    }

    private static GuestRelay start(GuestRelayConfig config, Optional<TlsIdentity> identity, RequestEditor editor)
            throws IOException {
        KeptSockets kept = config.survival().map(Survival::sockets).orElse(KeptSockets.NONE);
        ServerSocketChannel listener = listener(config, kept);
        try {
            EventLoop loop = EventLoop.start("guest-relay");
            Switchboard board = new Switchboard(loop, config.limits(), editor, config.resumable(), kept);
            AgentPort agent = new AgentPort(board, config.agentSocket());
            board.use(agent);
            ThreadPoolExecutor handshakes = handshakeThread();
            Door door = new Door(board, listener, identity, handshakes);
            GuestRelay relay = new GuestRelay(
                    loop,
                    handshakes,
                    board,
                    agent,
                    door,
                    (InetSocketAddress) listener.getLocalAddress(),
                    config.survival().isPresent());
            loop.execute(() -> {
                config.survival().ifPresent(relay::takeUp);
                agent.dial();
                relay.openDoor();
            });
            return relay;
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
    }

    private static ServerSocketChannel listener(GuestRelayConfig config, KeptSockets kept) throws IOException {
        Optional<ServerSocketChannel> known = kept.listener();
        if (known.isPresent()) {
            return known.get();
        }
        ServerSocketChannel listener = ServerSocketChannel.open();
        try {
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            listener.bind(config.listen(), BACKLOG);
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
        kept.keep(KeptSockets.LISTENER, listener);
        return listener;
    }

    /** Goes on where a predecessor was killed, if it was at rest then; from now on this one's state is written down. */
    private void takeUp(Survival survival) {
        try {
            RestartFile file = RestartFile.open(survival.state());
            RestartState state = new RestartState(file, board, door.sessions());
            Optional<SocketChannel> connection = survival.sockets().agent();
            if (connection.isPresent()) {
                takeUp(connection.get(), state, file.left());
            }
            file.mark();
            loop.observe(state);
        } catch (IOException e) {
            log.atError()
                    .addKeyValue("failure", e.getMessage())
                    .log("the forwarder's state cannot be kept; its end will end the pod");
        }
    }

    private void takeUp(SocketChannel connection, RestartState state, Optional<ByteBuffer> left) throws IOException {
        try {
            if (left.isPresent()) {
                agent.adopt(connection, state.restore(left.get()));
                return;
            }
            log.atError()
                    .log(
                            "the forwarder before this one was killed in the middle of a message; its sessions end, and the agent is dialled anew");
        } catch (IllegalArgumentException e) {
            log.atError().addKeyValue("failure", e.getMessage()).log("the sessions end, and the agent is dialled anew");
            board.agentLost();
        }
        connection.close();
        board.kept().forget(KeptSockets.AGENT);
    }

    private static TlsIdentity identity(GuestTls tls) {
        if (tls.clientAuthority().isEmpty() && !tls.anyClient()) {
            throw new IllegalArgumentException(
                    "no client CA is known, so that anybody who reaches the port could drive the agent; give "
                            + "one (-ca-cert-file, or tls-client-ca in apf.json), or allow any client explicitly");
        }
        return TlsIdentity.of(
                tls.certificate(),
                "the forwarder's TLS certificate",
                tls.key(),
                "the forwarder's TLS key",
                tls.clientAuthority(),
                "the client CA",
                tls.minVersion(),
                tls.cipherSuites());
    }

    /** One thread bounds what strangers can make this machine compute, and ends when nobody comes. */
    private static ThreadPoolExecutor handshakeThread() {
        ThreadPoolExecutor executor = new ThreadPoolExecutor(
                1,
                1,
                HANDSHAKE_THREAD_IDLE_SECONDS,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().name("tls-handshakes").daemon(true).factory());
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    private void openDoor() {
        try {
            door.open();
        } catch (IOException e) {
            throw new IllegalStateException("the listener cannot be watched", e);
        }
    }

    /** Where it listens, with the real port. */
    public InetSocketAddress address() {
        return address;
    }

    /** Whether the agent connection stands. */
    public boolean agentConnected() {
        return agent.connected();
    }

    /** Blocks until {@link #close} or until the event loop died, which it logs. */
    public void awaitEnd() throws InterruptedException {
        loop.join();
    }

    /** Closes the listener, every client and the agent connection. */
    @Override
    public void close() {
        loop.execute(() -> {
            if (survives) {
                loop.abandon(); // Whoever starts this process again finds its sockets and sessions as they are.
                return;
            }
            door.close();
            board.clients().forEach(client -> client.link().close());
            agent.close();
            loop.close();
        });
        handshakes.shutdownNow();
        try {
            loop.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
