// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.Linux;
import io.peerpod.contract.agent.LinuxNamespace;
import io.peerpod.contract.agent.Mount;
import io.peerpod.contract.agent.Process;
import io.peerpod.contract.agent.Spec;

/** Requests as shims send them. */
final class RequestSamples {

    private RequestSamples() {}

    /** A container with three namespaces of its own, and no network one, as a shim leaves it. */
    static CreateContainerRequest.Builder container() {
        return CreateContainerRequest.newBuilder()
                .setContainerId("c1")
                .setExecId("c1")
                .setOCI(Spec.newBuilder()
                        .setVersion("1.0.2")
                        .setProcess(Process.newBuilder().addArgs("/bin/true").setCwd("/"))
                        .putAnnotations("io.kubernetes.cri.container-type", "container")
                        .addMounts(mount("proc", "proc"))
                        .setLinux(Linux.newBuilder()
                                .setCgroupsPath("/pods/c1")
                                .addNamespaces(namespace("ipc", ""))
                                .addNamespaces(namespace("uts", ""))
                                .addNamespaces(namespace("mount", ""))
                                .addMaskedPaths("/proc/kcore")));
    }

    static LinuxNamespace namespace(String type, String path) {
        return LinuxNamespace.newBuilder().setType(type).setPath(path).build();
    }

    static Mount mount(String type, String source) {
        return Mount.newBuilder()
                .setDestination("/mnt")
                .setSource(source)
                .setType(type)
                .addOptions("ro")
                .build();
    }
}
