// SPDX-License-Identifier: Apache-2.0
/**
 * The data plane. This package holds what both halves share: the event loop, the TLS engine on it, the frame scanner, key material, and the
 * control records and client of the node half. Invariant: bytes move on an event loop that never waits; whatever may block runs elsewhere.
 */
@NullMarked
package io.peerpod.relay;

import org.jspecify.annotations.NullMarked;
