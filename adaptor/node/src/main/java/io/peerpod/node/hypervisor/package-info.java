// SPDX-License-Identifier: Apache-2.0
/**
 * The services on {@code hypervisor.sock} (adaptor.md 2). Work is bound to the sandbox, never to the call: a caller that goes away changes
 * nothing. Every call may be repeated.
 */
@NullMarked
package io.peerpod.node.hypervisor;

import org.jspecify.annotations.NullMarked;
