// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.CreateSandboxRequest;
import io.peerpod.contract.agent.Linux;
import io.peerpod.contract.agent.LinuxNamespace;
import io.peerpod.contract.agent.LinuxResources;
import io.peerpod.contract.agent.Mount;
import io.peerpod.contract.agent.Process;
import io.peerpod.contract.agent.Root;
import io.peerpod.contract.agent.Spec;
import io.peerpod.contract.agent.Storage;
import io.peerpod.contract.agent.User;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The two requests that carry more than an id, as both shims build them (kata-protocol.md 3.2 and 3.3, guest-pull.md 1.1). */
final class GuestRequests {
    private static final String CRI = "io.kubernetes.cri.";

    private GuestRequests() {}

    static CreateSandboxRequest sandbox(PodRequest pod) {
        String hostname = pod.name().length() > 64 ? pod.name().substring(0, 64) : pod.name();
        return CreateSandboxRequest.newBuilder()
                .setHostname(hostname)
                .addAllDns(pod.dns())
                .addStorages(Storage.newBuilder()
                        .setDriver("ephemeral")
                        .setSource("shm")
                        .setFstype("tmpfs")
                        .addAllOptions(List.of("noexec", "nosuid", "nodev", "mode=1777", "size=67108864"))
                        .setMountPoint("/run/kata-containers/sandbox/shm"))
                .setSandboxPidns(false)
                .setSandboxId(pod.sandboxId())
                .build();
    }

    /** The sandbox's own container, which does nothing. */
    static CreateContainerRequest pause(PodRequest pod) {
        Map<String, String> annotations = new LinkedHashMap<>();
        annotations.put(CRI + "container-type", "sandbox");
        annotations.put(CRI + "sandbox-id", pod.sandboxId());
        annotations.put(CRI + "sandbox-name", pod.name());
        annotations.put(CRI + "sandbox-namespace", pod.namespace());
        Process process = process(List.of("/pause"), List.of("PATH=/usr/bin:/bin"), "/", 65535, 65535, false);
        return create(pod.sandboxId(), "pause", process, annotations, List.of());
    }

    /** One of the pod's containers; {@code binds} are mounts of files that were copied before. */
    static CreateContainerRequest container(PodRequest pod, ContainerRequest container, List<Mount> binds) {
        Map<String, String> annotations = new LinkedHashMap<>();
        annotations.put(CRI + "container-name", container.name());
        annotations.put(CRI + "container-type", "container");
        annotations.put(CRI + "image-name", container.image());
        annotations.put(CRI + "sandbox-id", pod.sandboxId());
        annotations.put(CRI + "sandbox-name", pod.name());
        annotations.put(CRI + "sandbox-namespace", pod.namespace());
        return create(container.id(), container.image(), process(container), annotations, binds);
    }

    static Process process(ContainerRequest container) {
        return process(
                container.args(),
                container.env(),
                container.cwd(),
                container.uid(),
                container.gid(),
                container.terminal());
    }

    private static Process process(
            List<String> args, List<String> env, String cwd, int uid, int gid, boolean terminal) {
        return Process.newBuilder()
                .setTerminal(terminal)
                .setUser(User.newBuilder().setUID(uid).setGID(gid))
                .addAllArgs(args)
                .addAllEnv(env)
                .setCwd(cwd)
                .setNoNewPrivileges(true)
                .build();
    }

    private static CreateContainerRequest create(
            String id, String image, Process process, Map<String, String> annotations, List<Mount> binds) {
        String rootfs = "/run/kata-containers/" + id + "/rootfs";
        Linux.Builder linux = Linux.newBuilder()
                .setResources(LinuxResources.getDefaultInstance())
                .setCgroupsPath("/kubepods/besteffort/" + id);
        // The shim has taken cgroup, network, pid and time namespaces out and cleared the paths of the rest.
        for (String type : List.of("ipc", "uts", "mount")) {
            linux.addNamespaces(LinuxNamespace.newBuilder().setType(type));
        }
        Spec.Builder spec = Spec.newBuilder()
                .setVersion("1.1.0")
                .setProcess(process)
                .setRoot(Root.newBuilder().setPath(rootfs))
                .addMounts(mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"))
                .addMounts(mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"))
                .addMounts(mount("/dev/shm", "/run/kata-containers/sandbox/shm", "bind", "rbind"))
                .addAllMounts(binds)
                .putAllAnnotations(annotations)
                .setLinux(linux);
        return CreateContainerRequest.newBuilder()
                .setContainerId(id)
                .setExecId(id)
                .addStorages(Storage.newBuilder()
                        .setDriver("image_guest_pull")
                        .addDriverOptions("image_guest_pull={\"metadata\":" + json(annotations) + "}")
                        .setSource(image)
                        .setFstype("overlay")
                        .setMountPoint(rootfs))
                .setOCI(spec)
                .build();
    }

    static Mount mount(String destination, String source, String type, String... options) {
        return Mount.newBuilder()
                .setDestination(destination)
                .setSource(source)
                .setType(type)
                .addAllOptions(List.of(options))
                .build();
    }

    private static String json(Map<String, String> annotations) {
        return annotations.entrySet().stream()
                .map(pair -> quoted(pair.getKey()) + ":" + quoted(pair.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
