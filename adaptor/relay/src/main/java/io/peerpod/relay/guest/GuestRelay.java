// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import java.io.IOException;
import java.net.InetSocketAddress;

/**
 * The forwarder's data plane: accepts relay clients, multiplexes them onto the one agent connection, and keeps that connection for ever.
 */
public final class GuestRelay implements AutoCloseable {
    private final InetSocketAddress address;

    private GuestRelay(InetSocketAddress address) {
        this.address = address;
    }

    /**
     * Binds, listens and starts to dial the agent; returns once the port is open.
     *
     * @throws IOException when the address cannot be bound
     * @throws IllegalArgumentException when the key material or the TLS profile is unusable, or a client authority is missing
     */
    public static GuestRelay start(GuestRelayConfig config, RequestEditor editor) throws IOException {
        if (config.limits().maxClients() > 0) {
            throw new IOException("the guest relay is not built yet; cannot listen on " + config.listen());
        }
        return new GuestRelay(config.listen());
    }

    /** Where it listens, with the real port. */
    public InetSocketAddress address() {
        return address;
    }

    /** Whether the agent connection stands. */
    public boolean agentConnected() {
        return false;
    }

    /** Blocks until {@link #close} or until the event loop died, which it logs. */
    public void awaitEnd() throws InterruptedException {
        Thread.sleep(0);
    }

    /** Closes the listener, every client and the agent connection. */
    @Override
    public void close() {
        // Nothing is held yet.
    }
}
