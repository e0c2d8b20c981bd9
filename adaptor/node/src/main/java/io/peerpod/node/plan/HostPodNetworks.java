// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.plan;

import io.peerpod.network.HostNetwork;
import io.peerpod.network.InspectOptions;
import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.TunnelPlan;
import io.peerpod.network.VniAllocator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The real pods' networks, as seen from the namespace that the daemon runs in. */
public final class HostPodNetworks implements PodNetworks {
    private final HostNetwork network;
    private final VniAllocator vnis;
    private final InspectOptions options;
    private final int minimumId;

    private HostPodNetworks(HostNetwork network, VniAllocator vnis, InspectOptions options, int minimumId) {
        this.network = network;
        this.vnis = vnis;
        this.options = options;
        this.minimumId = minimumId;
    }

    /**
     * Looks at the namespace of this thread.
     *
     * @param minimumId the smallest VNI
     * @throws IOException if this process may not look at its own namespace
     */
    public static HostPodNetworks ofThisNamespace(InspectOptions options, int minimumId) throws IOException {
        NetworkNamespace host = NetworkNamespace.current();
        return new HostPodNetworks(
                new HostNetwork(host), new VniAllocator(host, minimumId, List.of()), options, minimumId);
    }

    @Override
    public PodNetwork prepare(Path networkNamespace) throws IOException {
        PodNetwork found = network.inspect(networkNamespace, options);
        return found.withVxlanId(vnis.reserve(networkNamespace, found), minimumId);
    }

    @Override
    public void adopt(PodNetwork found) {
        vnis.adopt(found.vxlanId());
    }

    @Override
    public void setUp(TunnelPlan plan) throws IOException {
        network.setUp(plan);
    }

    @Override
    public void tearDown(TunnelPlan plan) throws IOException {
        network.tearDown(plan);
    }

    @Override
    public void release(PodNetwork found) {
        vnis.release(found.vxlanId());
    }
}
