// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.Mount;
import io.peerpod.contract.agent.Spec;
import io.peerpod.contract.agent.Storage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The node's edits of CreateContainer: which mounts the guest has to wait for, and the GPUs. */
final class CreateContainerEdit implements ContainerEdit {
    private static final Logger log = LoggerFactory.getLogger(CreateContainerEdit.class);

    /** Where the CSI wrapper announces volumes that are attached to the pod VM instead of the node. */
    static final Path DIRECT_VOLUMES = Path.of("/run/kata-containers/shared/direct-volumes");

    private static final String CSI_VOLUMES = "/volumes/kubernetes.io~csi/";
    private static final String TARGET_PATH = "io.confidentialcontainers.org.peerpodvolumes.target_path";
    private static final String DEFAULT_GPUS = "io.katacontainers.config.hypervisor.default_gpus";
    private static final String CDI = "cdi.k8s.io/peer-pods";
    private static final String ALL_GPUS = "nvidia.com/gpu=all";
    private static final String GUEST_PULL = "image_guest_pull";

    private final Path directVolumes;

    CreateContainerEdit(Path directVolumes) {
        this.directVolumes = directVolumes;
    }

    @Override
    public byte[] edit(byte[] payload) throws StatusException {
        CreateContainerRequest request;
        try {
            request = CreateContainerRequest.parseFrom(payload);
        } catch (InvalidProtocolBufferException e) {
            throw refusal("the request is no CreateContainerRequest: " + e.getMessage());
        }
        if (!request.hasOCI()) {
            throw refusal(
                    "container " + request.getContainerId() + " comes without an OCI spec; the shim must send one");
        }
        if (request.getStoragesList().stream().map(Storage::getDriver).noneMatch(GUEST_PULL::equals)) {
            log.atInfo()
                    .addKeyValue("container", request.getContainerId())
                    .log(
                            "no image is pulled in the guest for this container, the agent must have its root file system already");
        }
        Spec.Builder spec = request.getOCI().toBuilder();
        List<String> sources = directVolumeSources(spec.getMountsList());
        boolean gpus = wantsGpus(spec.getAnnotationsOrDefault(DEFAULT_GPUS, ""));
        if (sources.isEmpty() && !gpus) {
            return payload;
        }
        if (!sources.isEmpty()) {
            List<String> targets = new ArrayList<>();
            for (String known : spec.getAnnotationsOrDefault(TARGET_PATH, "").split(",", -1)) {
                if (!known.isBlank()) {
                    targets.add(known.strip());
                }
            }
            targets.addAll(sources);
            spec.putAnnotations(TARGET_PATH, String.join(",", targets));
        }
        if (gpus) {
            spec.putAnnotations(CDI, ALL_GPUS);
        }
        return request.toBuilder().setOCI(spec).build().toByteArray();
    }

    private static StatusException refusal(String message) {
        return Status.INVALID_ARGUMENT
                .withDescription("CreateContainer: " + message)
                .asException();
    }

    private List<String> directVolumeSources(List<Mount> mounts) {
        List<String> sources = new ArrayList<>();
        for (Mount mount : mounts) {
            String source = mount.getSource();
            if (source.indexOf('\0') < 0
                    && Path.of(source).normalize().toString().contains(CSI_VOLUMES)
                    && announced(source)) {
                sources.add(source);
            }
        }
        return sources;
    }

    private boolean announced(String source) {
        String name = Base64.getUrlEncoder().encodeToString(source.getBytes(StandardCharsets.UTF_8));
        return Files.isDirectory(directVolumes.resolve(name));
    }

    /** An agent without a device file for the annotation hangs for longer than shims wait, so that "0" must not set it. */
    private static boolean wantsGpus(String count) {
        try {
            return Long.parseLong(count.strip()) > 0;
        } catch (NumberFormatException _) {
            return false;
        }
    }
}
