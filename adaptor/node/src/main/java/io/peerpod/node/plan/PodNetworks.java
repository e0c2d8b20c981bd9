// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.plan;

import io.peerpod.network.PodNetwork;
import io.peerpod.network.TunnelPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** This worker's half of the pods' networks. Every method may be repeated; any number may run at once. */
public interface PodNetworks {

    /** Opens what will be needed, so that it is known early whether it can be, and no pod waits for it. */
    void warmUp() throws IOException;

    /**
     * Reads the pod's network and reserves a VNI for it.
     *
     * @throws IOException with a sentence that says what is missing; then nothing is reserved
     */
    PodNetwork prepare(Path networkNamespace) throws IOException;

    /** Keeps the VNI of a sandbox that a predecessor left from being given away. */
    void adopt(PodNetwork network) throws IOException;

    /** Makes pod and pod VM one wire. */
    void setUp(TunnelPlan plan) throws IOException;

    /**
     * Whether the guest answers through the wire within the time; empty when that cannot be told.
     */
    Optional<Boolean> isAnswering(TunnelPlan plan, Duration patience) throws IOException;

    /** Takes the wire, or the mere reservation, down. */
    void tearDown(TunnelPlan plan) throws IOException;

    /** The VNI may be given to another pod: nobody sends with it any more. */
    void release(PodNetwork network);
}
