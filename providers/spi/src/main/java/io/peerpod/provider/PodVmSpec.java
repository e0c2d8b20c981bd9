// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * What is asked of the cloud for one pod VM.
 *
 * @param owner for the ownership tags
 * @param podNamespace the pod's Kubernetes namespace, for the tags
 * @param podName the pod's name, for the tags
 * @param createdAt when this create call was made, for the tags: whoever finds the VM tells by it whether the call can still be under way
 * @param userData the whole cloud-config text; secret, never logged
 * @param instanceType the type asked for by annotation, empty for the provider's choice
 * @param image the image asked for by annotation, empty for the provider's own
 * @param vcpus at least this many, fractions allowed; 0 means not asked for
 * @param memoryMib mebibytes; 0 means not asked for
 * @param gpus number of GPUs; 0 means none
 * @param tags further tags
 */
public record PodVmSpec(
        Owner owner,
        String podNamespace,
        String podName,
        Instant createdAt,
        String userData,
        Optional<String> instanceType,
        Optional<String> image,
        double vcpus,
        long memoryMib,
        int gpus,
        Map<String, String> tags) {

    public PodVmSpec {
        tags = Map.copyOf(tags);
    }

    /** Without the user data, which holds keys and registry credentials. */
    @Override
    public String toString() {
        return "PodVmSpec[" + podNamespace + "/" + podName + ", type=" + instanceType.orElse("default") + ", vcpus="
                + vcpus + ", memoryMib=" + memoryMib + ", gpus=" + gpus + ", userData=***]";
    }
}
