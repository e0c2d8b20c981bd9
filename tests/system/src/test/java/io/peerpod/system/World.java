// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.PodRequest;
import io.peerpod.doubles.PrivateWorld;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimObserver;
import io.peerpod.doubles.WorldProcesses;
import io.peerpod.options.Installation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** A worker node with the daemon on the local cloud, in the private namespaces of the test's JVM (see {@code src/test/world/bin/java}). */
final class World implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(60);

    private final PrivateWorld world;
    private NodeProcess node;

    private World(PrivateWorld world, NodeProcess node) {
        this.world = world;
        this.node = node;
    }

    /** Skips the test, printing why, where no private namespaces could be made. */
    static void require() {
        boolean apart = "private".equals(System.getProperty("peerpod.world"));
        if (!apart) {
            System.out.println(
                    "SKIPPED: this machine lets neither root nor a user namespace make private namespaces (unshare failed); "
                            + "run as root, or allow user namespaces");
        }
        Assumptions.assumeTrue(apart, "no private namespaces");
    }

    /** Makes the node and starts the daemon. */
    static World start(Map<String, String> environment, String... flags) throws Exception {
        require();
        PrivateWorld world = PrivateWorld.make(installation());
        try {
            return new World(world, world.startNode(environment, flags));
        } catch (Exception e) {
            world.close();
            throw e;
        }
    }

    /** The distribution that the build has just made. */
    static Installation installation() {
        Installation installation = Installation.current().orElseThrow();
        if (!Files.exists(Path.of(installation.command("cloud-api-adaptor").getFirst()))) {
            throw new IllegalStateException("the start scripts are not in " + installation.home()
                    + "; run the tests as ./peerpod test, which puts them there");
        }
        return installation;
    }

    /** Starts a pod as a shim of these habits does, up to the running pause container. */
    KataShim pod(String name, int number, PodAddresses families, ShimHabits habits) throws Exception {
        Path namespace = world.pods().add(name, families.of(number));
        KataShim shim = new KataShim(habits, NodeProcess.SOCKET, PodRequest.of(name, namespace), ShimObserver.NONE);
        try {
            shim.createVm();
            shim.startVm();
            shim.connect();
            shim.startSandbox();
            return shim;
        } catch (Exception e) {
            shim.close();
            throw e;
        }
    }

    PrivateWorld world() {
        return world;
    }

    NodeProcess node() {
        return node;
    }

    /** Kills the daemon as an out-of-memory killer would, and starts it again. */
    void killAndRestartNode() throws Exception {
        ProcessHandle handle = ProcessHandle.of(node.pid()).orElseThrow();
        handle.destroyForcibly();
        handle.onExit().get();
        node = world.startNode(Map.of());
    }

    /** Starts the next daemon while this one runs and then asks this one to end, as a surge update does; returns when it has ended. */
    void replaceNode() throws Exception {
        ProcessHandle old = ProcessHandle.of(node.pid()).orElseThrow();
        node = world.startNode(Map.of());
        old.destroy();
        old.onExit().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    /** Starts a relay that takes everything over from the running one; returns when that one has ended. */
    void replaceRelay() throws Exception {
        ProcessHandle old = relay();
        List<String> command = new ArrayList<>(installation().command("peerpod-relay"));
        command.addAll(List.of("-control-socket", "/run/peerpod/state/relay.sock", "-take-over"));
        Process successor = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        world.logs().resolve("relay-successors.log").toFile()))
                .start();
        CompletableFuture.anyOf(old.onExit(), successor.onExit()).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        if (!successor.isAlive()) {
            throw new IOException("the successor ended with " + successor.exitValue() + ": "
                    + NodeProcess.tail(world.logs().resolve("relay-successors.log")));
        }
    }

    private static ProcessHandle relay() throws IOException {
        List<WorldProcesses.Running> relays = WorldProcesses.matching(NodeProcess.RELAY_CLASS);
        if (relays.size() != 1) {
            throw new IOException("expected one relay, saw " + relays);
        }
        return ProcessHandle.of(relays.getFirst().pid()).orElseThrow();
    }

    /** What of any sandbox is still there after a while that is enough to remove it. */
    List<String> sandboxesLeft() throws Exception {
        return world.awaitNoSandbox(PATIENCE);
    }

    /** Takes all away; what is left then. */
    List<String> leftovers() throws Exception {
        world.close();
        return world.leftovers();
    }

    @Override
    public void close() throws Exception {
        world.close();
        PrivateWorld.killTheRest();
    }
}
