// SPDX-License-Identifier: Apache-2.0
/**
 * The node half: a process of its own that holds the shims' sockets and the tunnels to the pod VMs, and outlives the node daemon. Invariant: an
 * upstream that was lost is never dialled again for the same session, since no request may reach an agent twice.
 */
@NullMarked
package io.peerpod.relay.host;

import org.jspecify.annotations.NullMarked;
