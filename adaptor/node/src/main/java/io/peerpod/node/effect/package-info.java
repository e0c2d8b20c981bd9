// SPDX-License-Identifier: Apache-2.0
/**
 * Does what the life-cycle decides: calls to the cloud, the way to the guest, and the undoing of both. Each effect runs on a virtual thread
 * behind a named limit, may be repeated, and ends with one event.
 */
@NullMarked
package io.peerpod.node.effect;

import org.jspecify.annotations.NullMarked;
