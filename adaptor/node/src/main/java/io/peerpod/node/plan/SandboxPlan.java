// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.plan;

import io.peerpod.network.PodNetwork;
import io.peerpod.sandbox.Plan;
import io.peerpod.sandbox.Sandbox;
import java.nio.file.Path;
import java.time.Instant;

/**
 * What the effects need of a sandbox.
 *
 * @param request what was asked for
 * @param network the pod's network as found in its namespace, with the VNI reserved for it
 * @param agentSocket where the shim will reach the agent
 * @param tlsIdentity which of this worker's TLS identities the guest is told to trust
 * @param createdAt when CreateVM was accepted
 */
public record SandboxPlan(
        SandboxRequest request, PodNetwork network, Path agentSocket, String tlsIdentity, Instant createdAt)
        implements Plan {

    /** The plan of a sandbox; in this daemon there is no other kind. */
    public static SandboxPlan of(Sandbox sandbox) {
        if (sandbox.plan() instanceof SandboxPlan plan) {
            return plan;
        }
        throw new IllegalStateException("sandbox " + sandbox.id() + " has no plan of this daemon");
    }
}
