// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.PodRequest;
import io.peerpod.doubles.PodVms;
import io.peerpod.doubles.PrivateWorld;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimObserver;
import io.peerpod.doubles.WireStatusException;
import io.peerpod.doubles.WorldProcesses;
import io.peerpod.options.Installation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The whole chain as processes: shim side, relay, TLS, forwarder, echo agent. The pod VM is one of the local cloud whose init starts our
 * forwarder and the echo agent.
 */
final class Chain implements AutoCloseable {
    private static final Path INIT = Path.of("/run/peerpod-logs/echo-podvm-init");
    private static final String AGENT_SOCKET = "/run/kata-containers/agent.sock";

    /** A short name for the sandbox's socket, so that it also fits below {@code /proc/PID/root}: sun_path holds 107 bytes. */
    private static final Path RELAY_LINK = Path.of("/run/bench-relay.sock");

    private final PrivateWorld world;
    private final KataShim shim;
    private final Path relaySocket;
    private final Path agentSocket;
    private final Map<String, Long> processes;
    private final ReentrantLock closing = new ReentrantLock();
    private boolean closed;

    private Chain(PrivateWorld world, KataShim shim, Path relaySocket, Path agentSocket, Map<String, Long> processes) {
        this.world = world;
        this.shim = shim;
        this.relaySocket = relaySocket;
        this.agentSocket = agentSocket;
        this.processes = processes;
    }

    /** Brings everything up. */
    static Chain up(Installation installation, Peers peers, boolean sessions)
            throws IOException, WireStatusException, InterruptedException {
        PrivateWorld world = PrivateWorld.make(installation);
        try {
            Files.writeString(INIT, initScript(installation, peers, sessions));
            Files.setPosixFilePermissions(INIT, PosixFilePermissions.fromString("rwxr-xr-x"));
            NodeProcess node = world.startNode(Map.of("LOCAL_PODVM_INIT", INIT.toString()));
            Path namespace = world.pods().add("bench", PodAddresses.IPV4.of(0));
            KataShim shim = new KataShim(
                    ShimHabits.GO, NodeProcess.SOCKET, PodRequest.of("bench", namespace), ShimObserver.NONE);
            Path socket = shim.createVm();
            shim.startVm();
            shim.connect();
            long vm = PodVms.running().stream()
                    .findFirst()
                    .orElseThrow(() -> new IOException("StartVM was answered and no pod VM runs"))
                    .pid();
            Path agent = Path.of("/proc", Long.toString(vm), "root" + AGENT_SOCKET);
            link(RELAY_LINK, socket);
            return new Chain(world, shim, socket, agent, processes(node));
        } catch (IOException | WireStatusException | InterruptedException | RuntimeException e) {
            closeAfter(world, e);
            throw e;
        }
    }

    private static void closeAfter(PrivateWorld world, Exception failure) {
        try {
            world.close();
        } catch (IOException close) {
            failure.addSuppressed(close);
        }
    }

    /** Relative, so that it also works through another process's view of this file system. */
    private static void link(Path link, Path target) throws IOException {
        Files.deleteIfExists(link);
        Files.createSymbolicLink(link, Path.of("/run").relativize(target));
    }

    /** What the pod VM runs: the guest's set-up, a namespace for the pod, the echo agent, the forwarder. */
    private static String initScript(Installation installation, Peers peers, boolean sessions) {
        String bin = installation.home().resolve("bin").toString();
        return """
                #!/bin/sh
                set -e
                '%1$s/process-user-data' provision-files
                mkdir -p /run/netns /run/kata-containers
                : >/run/netns/podns
                unshare --net=/run/netns/podns true
                '%1$s/peerpod-bench' echo-agent -peers %3$s -socket %2$s &
                while [ ! -S %2$s ]; do sleep 0.05; done
                '%1$s/agent-protocol-forwarder' -pod-namespace /run/netns/podns -kata-agent-socket %2$s -sessions=%4$s
                """.formatted(bin, AGENT_SOCKET, peers.name().toLowerCase(java.util.Locale.ROOT), sessions);
    }

    private static Map<String, Long> processes(NodeProcess node) throws IOException {
        Map<String, Long> found = new LinkedHashMap<>();
        found.put("node", node.pid());
        found.put("relay", one(NodeProcess.RELAY_CLASS));
        found.put("forwarder", one("io.peerpod.forwarder.ForwarderMain"));
        found.put("agent", one("echo-agent -peers"));
        return found;
    }

    private static long one(String text) throws IOException {
        List<WorldProcesses.Running> found = WorldProcesses.matching(text).stream()
                .filter(running -> running.command().contains("java"))
                .toList();
        if (found.size() != 1) {
            throw new IOException(
                    "one process with '" + text + "' in its command line was expected, and there are " + found.size());
        }
        return found.getFirst().pid();
    }

    /** The sandbox's {@code agent.ttrpc}. */
    Path relaySocket() {
        return relaySocket;
    }

    /** The echo agent's own socket, seen through the pod VM's file system. */
    Path agentSocket() {
        return agentSocket;
    }

    /** Process ids by role: node, relay, forwarder, agent. */
    Map<String, Long> processes() {
        return processes;
    }

    /** Where a process outside finds both sockets, given how it sees the root of this world. */
    String reachable(String root) {
        return "relay " + root + RELAY_LINK + "\nfloor " + root + agentSocket;
    }

    /** Takes everything away; a second call, such as of the shutdown hook, waits for the first one to be through. */
    @Override
    public void close() throws IOException {
        closing.lock();
        try (world) {
            if (!closed) {
                closed = true;
                shim.stop();
            }
        } catch (WireStatusException e) {
            throw new IOException("stopping the pod VM: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            closing.unlock();
            Files.deleteIfExists(RELAY_LINK);
        }
    }
}
