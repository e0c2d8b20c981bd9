// SPDX-License-Identifier: Apache-2.0
/**
 * One owner a sandbox: a mailbox takes one event at a time, makes the facts durable, changes the state, and only then lets the
 * effects run. Nothing else ever changes a sandbox's state.
 */
@NullMarked
package io.peerpod.node.mailbox;

import org.jspecify.annotations.NullMarked;
