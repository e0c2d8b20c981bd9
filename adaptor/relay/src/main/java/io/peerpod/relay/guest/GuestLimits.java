// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.peerpod.relay.session.SessionLimits;
import java.time.Duration;

/**
 * What a client can take of the guest at most.
 *
 * @param maxClients authenticated connections; the next one is turned away
 * @param maxSilent accepted connections that have not sent a whole first message; the oldest makes room for the next one
 * @param maxHandshakes connections in the middle of their handshake; the next one is turned away unless the oldest has had its time
 * @param handshakeTimeout from accept to the end of the handshake
 * @param maxWaitingRequests requests that wait while there is no agent; the next one is answered RESOURCE_EXHAUSTED
 * @param maxWaitingBytes the same in bytes
 * @param maxLargeFrames frames above 64 KiB that are received at the same time; further ones wait in their sockets
 * @param pendingBytes output that a client may leave unread before the agent is paused for it
 * @param stallTimeout how long a client that leaves its output unread, or a frame unfinished, is waited for before it is closed
 * @param sessions times of resumable sessions
 */
public record GuestLimits(
        int maxClients,
        int maxSilent,
        int maxHandshakes,
        Duration handshakeTimeout,
        int maxWaitingRequests,
        int maxWaitingBytes,
        int maxLargeFrames,
        int pendingBytes,
        Duration stallTimeout,
        SessionLimits sessions) {
    /** What the forwarder uses. */
    public static final GuestLimits DEFAULT = new GuestLimits(
            64,
            256,
            16,
            Duration.ofSeconds(10),
            1024,
            8 << 20,
            4,
            1 << 20,
            Duration.ofSeconds(30),
            SessionLimits.FORWARDER);
}
