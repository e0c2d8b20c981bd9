// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.plan;

import io.peerpod.sandbox.Pod;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a shim asked for with CreateVM, checked. Two requests for one sandbox are the same when they are equal.
 *
 * @param sandboxId the shim's id
 * @param pod whom it is for
 * @param networkNamespace the pod's namespace on this worker, absolute
 * @param instanceType asked for by annotation
 * @param image asked for by annotation
 * @param vcpus fractions allowed; 0 means not asked for
 * @param memoryMib mebibytes; 0 means not asked for
 * @param gpus 0 means none
 * @param initdata the pod's own initdata as TOML text
 */
public record SandboxRequest(
        String sandboxId,
        Pod pod,
        Path networkNamespace,
        Optional<String> instanceType,
        Optional<String> image,
        double vcpus,
        long memoryMib,
        int gpus,
        Optional<String> initdata) {

    /** Without the initdata, which is nobody's business in a log. */
    @Override
    public String toString() {
        return "SandboxRequest[" + sandboxId + " for " + pod + "]";
    }
}
