// SPDX-License-Identifier: Apache-2.0
/**
 * Holds the cloud's list against the journals: VMs that nobody answers for are deleted until the cloud says absent. The cloud is listed first and
 * the journals are looked at second, so a VM whose sandbox is known is never taken for an orphan.
 */
@NullMarked
package io.peerpod.node.sweep;

import org.jspecify.annotations.NullMarked;
