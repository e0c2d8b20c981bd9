// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import io.peerpod.network.InspectOptions;
import io.peerpod.network.IpPrefix;
import io.peerpod.node.effect.EffectLimits;
import io.peerpod.node.identity.TlsSettings;
import io.peerpod.node.journal.EndedLimits;
import io.peerpod.provider.Owner;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The daemon's settings; what each means is said in {@link NodeOptions}. */
record NodeConfig(
        Path socket,
        Path podsDir,
        Path stateDir,
        int forwarderPort,
        TlsSettings tls,
        Duration proxyTimeout,
        int vxlanPort,
        int vxlanMinId,
        Optional<String> hostInterface,
        List<IpPrefix> podSubnets,
        boolean externalNetwork,
        Optional<String> initdata,
        boolean scratchSpace,
        boolean cloudConfigVerify,
        String clusterName,
        String nodeName,
        Duration orphanGrace,
        int cloudCreates,
        int cloudDeletes,
        Duration vmCheckInterval,
        Duration stopGrace,
        Duration vmWatchInterval,
        Duration sweepInterval,
        boolean listVms,
        EndedLimits endedJournals,
        String logLevel,
        int probePort) {

    Owner owner() {
        return new Owner(clusterName, nodeName);
    }

    InspectOptions inspectOptions() {
        return new InspectOptions(hostInterface, podSubnets, vxlanPort, externalNetwork);
    }

    EffectLimits limits() {
        return new EffectLimits(cloudCreates, cloudDeletes, proxyTimeout, vmCheckInterval);
    }
}
