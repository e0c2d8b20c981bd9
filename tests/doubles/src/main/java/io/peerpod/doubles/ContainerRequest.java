// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.util.List;

/**
 * A container as the container runtime hands it to a shim.
 *
 * @param id 64 hexadecimal digits
 * @param name its Kubernetes name
 * @param image reference that the guest would pull
 * @param args the command; the first is an absolute path
 * @param env {@code NAME=value} entries
 * @param cwd working directory
 * @param uid user id of the process
 * @param gid group id of the process
 * @param terminal whether the process gets a tty
 */
public record ContainerRequest(
        String id,
        String name,
        String image,
        List<String> args,
        List<String> env,
        String cwd,
        int uid,
        int gid,
        boolean terminal) {

    public ContainerRequest {
        args = List.copyOf(args);
        env = List.copyOf(env);
    }

    /** A container of the superuser without a tty under a fresh id. */
    public static ContainerRequest of(String name, String... args) {
        return new ContainerRequest(
                PodRequest.freshId(),
                name,
                "registry.example/demo/" + name + ":1",
                List.of(args),
                List.of("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"),
                "/",
                0,
                0,
                false);
    }

    /** The same with more environment. */
    public ContainerRequest withEnv(String... more) {
        List<String> all = new java.util.ArrayList<>(env);
        all.addAll(List.of(more));
        return new ContainerRequest(id, name, image, args, all, cwd, uid, gid, terminal);
    }

    /** The same with a tty. */
    public ContainerRequest withTerminal() {
        return new ContainerRequest(id, name, image, args, env, cwd, uid, gid, true);
    }
}
