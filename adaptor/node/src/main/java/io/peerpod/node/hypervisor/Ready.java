// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.hypervisor;

import io.peerpod.node.effect.GuestConfiguration;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.node.plan.SandboxPreparation;

/**
 * What calls need, once the daemon has read its journals. The socket serves before that; calls wait.
 *
 * @param sandboxes with everything that a predecessor left
 */
public record Ready(Sandboxes sandboxes, SandboxPreparation preparation, GuestConfiguration configuration) {}
