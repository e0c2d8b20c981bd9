// SPDX-License-Identifier: Apache-2.0
/**
 * How a relay process hands its sockets and what it knows about them to a successor: a format with versions, lengths and check sums, and the conversation in which
 * exactly one of the two goes on. What is handed over is known by {@code io.peerpod.relay.host}.
 */
@NullMarked
package io.peerpod.relay.handover;

import org.jspecify.annotations.NullMarked;
