// SPDX-License-Identifier: Apache-2.0
/**
 * A byte stream that outlives its connections: both ends number the bytes, keep what the other end has not confirmed, and go on where they stood when a new connection
 * stands. Every byte arrives exactly once or the session ends. The wire format is in {@code docs/sessions.md}.
 */
@NullMarked
package io.peerpod.relay.session;

import org.jspecify.annotations.NullMarked;
