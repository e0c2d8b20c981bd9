// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.UnknownFieldSet;
import io.grpc.StatusException;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.Mount;
import io.peerpod.contract.agent.Spec;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CreateContainerEditTest {
    private static final String GPUS = "io.katacontainers.config.hypervisor.default_gpus";
    private static final String TARGETS = "io.confidentialcontainers.org.peerpodvolumes.target_path";
    private static final String CSI = "/var/lib/kubelet/pods/u/volumes/kubernetes.io~csi/";

    @TempDir
    private Path directVolumes;

    private Spec edited(Spec.Builder spec) throws Exception {
        byte[] request = CreateContainerRequest.newBuilder()
                .setContainerId("c")
                .setOCI(spec)
                .build()
                .toByteArray();
        return CreateContainerRequest.parseFrom(new CreateContainerEdit(directVolumes).edit(request))
                .getOCI();
    }

    private void announce(String source) throws Exception {
        Files.createDirectory(
                directVolumes.resolve(Base64.getUrlEncoder().encodeToString(source.getBytes(StandardCharsets.UTF_8))));
    }

    private static Mount mount(String source) {
        return Mount.newBuilder().setSource(source).setDestination("/data").build();
    }

    @Test
    void gpusAreAskedForOnlyWhenTheirCountIsAboveZero() throws Exception {
        for (String count : new String[] {"", "0", "none", "-1"}) {
            assertThat(edited(Spec.newBuilder().putAnnotations(GPUS, count)).getAnnotationsMap())
                    .as(count)
                    .doesNotContainKey("cdi.k8s.io/peer-pods");
        }
        assertThat(edited(Spec.newBuilder().putAnnotations(GPUS, " 2")).getAnnotationsMap())
                .containsEntry("cdi.k8s.io/peer-pods", "nvidia.com/gpu=all");
    }

    @Test
    void announcedCsiVolumesAreListedWithoutEmptyEntries() throws Exception {
        announce(CSI + "one/mount");
        announce(CSI + "two/mount");
        announce("/somewhere/else");
        Spec spec = edited(Spec.newBuilder()
                .putAnnotations(TARGETS, " , /before")
                .addMounts(mount("/somewhere/else"))
                .addMounts(mount(CSI + "one/mount"))
                .addMounts(mount(CSI + "unannounced/mount"))
                .addMounts(mount(CSI + "two/mount")));
        assertThat(spec.getAnnotationsOrThrow(TARGETS)).isEqualTo("/before," + CSI + "one/mount," + CSI + "two/mount");
        assertThat(edited(Spec.newBuilder().addMounts(mount("\0"))).getAnnotationsMap())
                .isEmpty();
    }

    @Test
    void unknownFieldsSurvive() throws Exception {
        UnknownFieldSet unknown = UnknownFieldSet.newBuilder()
                .addField(4711, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
                .build();
        Spec spec = edited(Spec.newBuilder().setUnknownFields(unknown).putAnnotations(GPUS, "1"));
        assertThat(spec.getUnknownFields()).isEqualTo(unknown);
    }

    @Test
    void aRequestWithoutSpecIsRefusedInWords() {
        byte[] bare = CreateContainerRequest.newBuilder()
                .setContainerId("c-7")
                .build()
                .toByteArray();
        assertThatThrownBy(() -> new CreateContainerEdit(directVolumes).edit(bare))
                .isInstanceOf(StatusException.class)
                .hasMessageContaining("INVALID_ARGUMENT")
                .hasMessageContaining("c-7");
    }
}
