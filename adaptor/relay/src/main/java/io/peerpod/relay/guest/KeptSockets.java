// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import java.io.IOException;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Optional;

/** Sockets that outlive this process, since whoever starts it keeps them open too. After CreateSandbox the agent's socket has no path any more: what was kept is the only way back to it. */
public interface KeptSockets {
    /** Nobody keeps anything. */
    KeptSockets NONE = new KeptSockets() {
        @Override
        public Optional<SocketChannel> agent() {
            return Optional.empty();
        }

        @Override
        public Optional<ServerSocketChannel> listener() {
            return Optional.empty();
        }

        @Override
        public void keep(String name, Channel socket) {}

        @Override
        public void forget(String name) {}
    };

    /** Name of the connection to the agent. */
    String AGENT = "agent";

    /** Name of the socket where relays connect. */
    String LISTENER = "listener";

    /** A predecessor's connection to the agent; it is the caller's. */
    Optional<SocketChannel> agent() throws IOException;

    /** A predecessor's listener; it is the caller's. */
    Optional<ServerSocketChannel> listener() throws IOException;

    /** Has a socket kept under a name, in place of what was kept under it. */
    void keep(String name, Channel socket);

    /** Has what is kept under a name closed. */
    void forget(String name);
}
