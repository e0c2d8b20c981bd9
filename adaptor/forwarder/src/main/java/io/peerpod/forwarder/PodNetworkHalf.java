// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.network.PodNetwork;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** The guest's half of the pod network, as the forwarder needs it. Setting up again what is there, or half there, must work. */
interface PodNetworkHalf {

    /**
     * Gives the namespace the pod's interface, addresses and routes.
     *
     * @param podNamespace the network namespace; made if it is missing
     * @param hostInterface the VM's interface for a dedicated tunnel
     * @throws IOException in words
     */
    void setUp(PodNetwork network, Path podNamespace, Optional<String> hostInterface)
            throws IOException, InterruptedException;

    /**
     * Takes it away; what is gone already is no failure.
     *
     * @throws IOException in words
     */
    void tearDown(PodNetwork network, Path podNamespace) throws IOException, InterruptedException;
}
