// SPDX-License-Identifier: Apache-2.0
/**
 * The guest half: one TLS listener, any number of relay clients, one agent connection that is dialled once and kept. Invariant: nothing a client
 * sends reaches the agent connection except as a whole frame under a stream id of our own.
 */
@NullMarked
package io.peerpod.relay.guest;

import org.jspecify.annotations.NullMarked;
