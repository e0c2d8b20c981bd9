// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the guest half needs to know.
 *
 * @param listen where relay clients connect; port 0 takes any free one
 * @param agentSocket the agent's unix socket; need not exist yet
 * @param tls identity and client authority; empty serves plain TCP to anybody
 * @param limits what a client can take at most
 * @param resumable whether sessions that outlive their connections are offered; only over TLS
 * @param survival how it survives the kill of its process; empty for not at all
 */
public record GuestRelayConfig(
        InetSocketAddress listen,
        Path agentSocket,
        Optional<GuestTls> tls,
        GuestLimits limits,
        boolean resumable,
        Optional<Survival> survival) {
    /** With resumable sessions. */
    public GuestRelayConfig(InetSocketAddress listen, Path agentSocket, Optional<GuestTls> tls, GuestLimits limits) {
        this(listen, agentSocket, tls, limits, true, Optional.empty());
    }
}
