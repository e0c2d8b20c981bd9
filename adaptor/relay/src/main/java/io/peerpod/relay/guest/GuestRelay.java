// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.TlsIdentity;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The forwarder's data plane: accepts relay clients, multiplexes them onto the one agent connection, and keeps that connection for ever.
 */
public final class GuestRelay implements AutoCloseable {
    /** Longer than the flood of connections that a link of a pod VM can carry in the time of one turn of the loop. */
    private static final int BACKLOG = 4096;

    private static final long HANDSHAKE_THREAD_IDLE_SECONDS = 10;

    private final EventLoop loop;
    private final ThreadPoolExecutor handshakes;
    private final AgentPort agent;
    private final Door door;
    private final Switchboard board;
    private final InetSocketAddress address;

    private GuestRelay(
            EventLoop loop,
            ThreadPoolExecutor handshakes,
            Switchboard board,
            AgentPort agent,
            Door door,
            InetSocketAddress address) {
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
        ServerSocketChannel listener = ServerSocketChannel.open();
        try {
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            listener.bind(config.listen(), BACKLOG);
            EventLoop loop = EventLoop.start("guest-relay");
            Switchboard board = new Switchboard(loop, config.limits(), editor, config.resumable());
            AgentPort agent = new AgentPort(board, config.agentSocket());
            board.use(agent);
            ThreadPoolExecutor handshakes = handshakeThread();
            Door door = new Door(board, listener, identity, handshakes);
            GuestRelay relay = new GuestRelay(
                    loop, handshakes, board, agent, door, (InetSocketAddress) listener.getLocalAddress());
            loop.execute(agent::dial);
            loop.execute(relay::openDoor);
            return relay;
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
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
