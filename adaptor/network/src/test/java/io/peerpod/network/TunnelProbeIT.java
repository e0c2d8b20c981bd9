// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.network.TunnelLab.Families;
import io.peerpod.network.TunnelLab.Pod;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TunnelProbeIT {
    private static final Duration LONG = Duration.ofSeconds(10);
    private static final Duration SHORT = Duration.ofMillis(300);

    @TempDir
    private Path folder;

    @BeforeEach
    void needRights() {
        Privileges.assumeNetworkAdministrator();
    }

    private static TunnelPlan plan(TunnelLab lab, Pod pod, int vni) throws Exception {
        PodNetwork network = lab.hostNetwork.inspect(pod.netns(), lab.options());
        return new TunnelPlan(pod.netns(), network.withVxlanId(vni, 555_000), List.of(lab.vmAddress(false)));
    }

    @Test
    void aGuestBehindTheTunnelAnswersAndOneOnAnotherPortDoesNot() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod open = lab.pod(1, Families.BOTH, 1500);
            TunnelPlan plan = plan(lab, open, 555_001);
            assertThat(lab.hostNetwork.isAnswering(plan, SHORT))
                    .as("without a tunnel")
                    .isEmpty();
            lab.hostNetwork.setUp(plan);
            assertThat(lab.hostNetwork.isAnswering(plan, SHORT))
                    .as("without a guest")
                    .isEqualTo(Optional.of(false));
            lab.guestNetwork.setUp(plan.network(), open.guestNetns(), Optional.empty());
            assertThat(lab.hostNetwork.isAnswering(plan, LONG)).isEqualTo(Optional.of(true));
            lab.exchange(open, false, 100);
        }
    }

    @Test
    void aPodWithIpv6AloneCannotBeAsked() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV6, 1500);
            TunnelPlan plan = plan(lab, pod, 555_001);
            lab.hostNetwork.setUp(plan);
            assertThat(lab.hostNetwork.isAnswering(plan, SHORT)).isEmpty();
        }
    }
}
