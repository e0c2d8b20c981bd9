// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.network.GuestNetwork;
import io.peerpod.network.PodNetwork;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** The real one, in the network namespace of this process. */
final class LinuxPodNetworkHalf implements PodNetworkHalf {

    @Override
    public void setUp(PodNetwork network, Path podNamespace, Optional<String> hostInterface)
            throws IOException, InterruptedException {
        GuestNetwork.ofThisNamespace().setUp(network, podNamespace, hostInterface);
    }

    @Override
    public void tearDown(PodNetwork network, Path podNamespace) throws IOException {
        GuestNetwork.ofThisNamespace().tearDown(network, podNamespace);
    }
}
