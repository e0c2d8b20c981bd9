// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.TunnelLab.Families;
import io.peerpod.network.TunnelLab.Pod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VniAllocatorIT {
    @TempDir
    private Path folder;

    @BeforeEach
    void needRights() {
        Privileges.assumeNetworkAdministrator();
    }

    @Test
    void vnisStayWithin24BitsAndAreRecycled() throws Exception {
        int least = VniAllocator.MAX_VNI - 2;
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            VniAllocator vnis = new VniAllocator(lab.worker, least, List.of(least, 7));
            Pod first = lab.pod(1, Families.IPV4, 1500);
            Pod second = lab.pod(2, Families.IPV4, 1500);
            Pod third = lab.pod(3, Families.IPV4, 1500);
            PodNetwork network = lab.hostNetwork.inspect(first.netns(), lab.options());
            assertThat(vnis.reserve(first.netns(), network)).isEqualTo(least + 1);
            assertThat(vnis.reserve(second.netns(), network)).isEqualTo(VniAllocator.MAX_VNI);
            assertThatThrownBy(() -> vnis.reserve(third.netns(), network))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("Every VNI");
            vnis.release(least);
            vnis.release(least);
            assertThat(vnis.reserve(third.netns(), network)).isEqualTo(least);

            // Released here, but its device still lives: the kernel has the last word.
            vnis.release(least + 1);
            Pod fourth = lab.pod(4, Families.IPV4, 1500);
            assertThatThrownBy(() -> vnis.reserve(fourth.netns(), network)).hasMessageContaining("No VNI");
            lab.hostNetwork.tearDown(new TunnelPlan(first.netns(), network.withVxlanId(least + 1, least), List.of()));
            assertThat(vnis.reserve(fourth.netns(), network)).isEqualTo(least + 1);
        }
    }

    @Test
    void aSmallestVniOutOfRangeIsRefused() throws Exception {
        try (NetworkNamespace here = NetworkNamespace.current()) {
            for (int wrong : new int[] {0, -1, VniAllocator.MAX_VNI + 1}) {
                assertThatThrownBy(() -> new VniAllocator(here, wrong, List.of()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("1 to 16777215");
            }
        }
    }
}
