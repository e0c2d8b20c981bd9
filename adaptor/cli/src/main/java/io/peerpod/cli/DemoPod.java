// SPDX-License-Identifier: Apache-2.0
package io.peerpod.cli;

import io.peerpod.doubles.ContainerRequest;
import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.PodRequest;
import io.peerpod.doubles.PrivateWorld;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimProcess;
import io.peerpod.network.IpPrefix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One pod of the demo: its namespace, its shim and what runs in it. */
final class DemoPod implements AutoCloseable {
    private static final Pattern TOOK = Pattern.compile(" took=(PT[0-9.HMS]+) (.+)$");

    /** The reads, waits and clean-up calls in between would hide what matters. */
    private static final Set<String> SHOWN = Set.of(
            "CreateVM",
            "StartVM",
            "dial",
            "Check",
            "CreateSandbox",
            "CreateContainer",
            "StartContainer",
            "ExecProcess",
            "DestroySandbox",
            "StopVM");

    private final String name;
    private final List<IpPrefix> addresses;
    private final Steps steps;
    private final PrivateWorld world;
    private final KataShim shim;

    private DemoPod(String name, List<IpPrefix> addresses, Steps steps, PrivateWorld world, KataShim shim) {
        this.name = name;
        this.addresses = addresses;
        this.steps = steps;
        this.world = world;
        this.shim = shim;
    }

    /** Makes the pod's namespace and starts the pod, as the container runtime and a shim of these habits would. */
    static DemoPod start(String name, ShimHabits habits, List<IpPrefix> addresses, Steps steps, PrivateWorld world)
            throws Exception {
        Path namespace = steps.time(
                name, "network namespace with " + addresses, () -> world.pods().add(name, addresses));
        KataShim shim = new KataShim(habits, NodeProcess.SOCKET, PodRequest.of(name, namespace), (call, took) -> {
            if (SHOWN.contains(call)) {
                steps.done(name, call, took);
            }
        });
        DemoPod pod = new DemoPod(name, addresses, steps, world, shim);
        try {
            steps.stage(name, "CreateVM", shim::createVm);
            steps.stage(name, "StartVM", () -> {
                shim.startVm();
                return name;
            });
            steps.stage(name, "sandbox and pause container run", () -> {
                shim.connect();
                shim.startSandbox();
                return name;
            });
            return pod;
        } catch (Exception e) {
            pod.close();
            throw e;
        }
    }

    String name() {
        return name;
    }

    List<IpPrefix> addresses() {
        return addresses;
    }

    ShimProcess run(ContainerRequest container) throws Exception {
        return shim.run(container);
    }

    ShimProcess exec(ContainerRequest container, ContainerRequest command) throws Exception {
        return shim.exec(container.id(), command);
    }

    void stop() throws Exception {
        shim.stop();
        steps.time(name, "network namespace removed", () -> {
            world.pods().remove(name);
            return true;
        });
    }

    /** What the daemon logged with a duration about this pod's start, as indented steps. */
    void printDaemonStages(Path log) throws IOException {
        String id = shim.pod().sandboxId();
        for (String line : Files.readAllLines(log)) {
            Matcher took = TOOK.matcher(line);
            if (line.contains(id) && took.find() && !line.contains("call=")) {
                steps.done(name, "  of StartVM, the daemon says: " + took.group(2), Duration.parse(took.group(1)));
            }
        }
    }

    @Override
    public void close() {
        shim.close();
    }
}
