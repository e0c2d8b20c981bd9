// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A pod as the container runtime hands it to a shim.
 *
 * @param sandboxId 64 hexadecimal digits
 * @param name of the pod
 * @param namespace Kubernetes namespace of the pod
 * @param networkNamespace path of the namespace that the CNI plugin filled
 * @param vcpus as the shim writes it: a whole number (Go) or a decimal (runtime-rs)
 * @param memoryMib mebibytes
 * @param initdata the decoded TOML text, empty for none
 * @param dns lines of the sandbox's resolv.conf
 */
public record PodRequest(
        String sandboxId,
        String name,
        String namespace,
        Path networkNamespace,
        String vcpus,
        long memoryMib,
        String initdata,
        List<String> dns) {
    private static final String HYPERVISOR = "io.katacontainers.config.hypervisor.";
    private static final SecureRandom RANDOM = new SecureRandom();

    public PodRequest {
        dns = List.copyOf(dns);
    }

    /** A small pod without initdata under a fresh sandbox id. */
    public static PodRequest of(String name, Path networkNamespace) {
        return new PodRequest(
                freshId(), name, "default", networkNamespace, "1", 512, "", List.of("nameserver 192.0.2.53"));
    }

    /** 64 random hexadecimal digits, as containerd's ids are. */
    public static String freshId() {
        byte[] id = new byte[32];
        RANDOM.nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    /** The nine annotations of CreateVM, all of them always present (kata-protocol.md 2.1). */
    Map<String, String> annotations() {
        Map<String, String> annotations = new LinkedHashMap<>();
        annotations.put("io.kubernetes.cri.sandbox-name", name);
        annotations.put("io.kubernetes.cri.sandbox-namespace", namespace);
        annotations.put(HYPERVISOR + "machine_type", "");
        annotations.put(HYPERVISOR + "image", "");
        annotations.put(HYPERVISOR + "default_vcpus", vcpus);
        annotations.put(HYPERVISOR + "default_memory", Long.toString(memoryMib));
        annotations.put(HYPERVISOR + "cc_init_data", initdata);
        annotations.put(HYPERVISOR + "default_gpus", "0");
        annotations.put(HYPERVISOR + "default_gpu_model", "");
        return annotations;
    }
}
