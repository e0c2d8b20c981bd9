// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.network.PodNetwork;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** A pod network that is only written down, or fails as told. */
final class FakePodNetwork implements PodNetworkHalf {

    final List<String> calls = new CopyOnWriteArrayList<>();
    private final Optional<String> failure;

    FakePodNetwork() {
        this(Optional.empty());
    }

    FakePodNetwork(Optional<String> failure) {
        this.failure = failure;
    }

    @Override
    public void setUp(PodNetwork network, Path podNamespace, Optional<String> hostInterface) throws IOException {
        calls.add("set up " + network.addresses() + " in " + podNamespace
                + hostInterface.map(" on "::concat).orElse(""));
        if (failure.isPresent()) {
            throw new IOException(failure.get());
        }
    }

    @Override
    public void tearDown(PodNetwork network, Path podNamespace) {
        calls.add("tear down");
    }
}
