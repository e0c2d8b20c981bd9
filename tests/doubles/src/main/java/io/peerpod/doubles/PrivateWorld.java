// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import io.peerpod.options.Installation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker node of one's own: the node's network, pods' namespaces and the daemon, inside namespaces that the launcher made for this process
 * alone. {@link #close} takes all of it away again and may be called from a shutdown hook at any moment.
 */
public final class PrivateWorld implements AutoCloseable {
    /** Name of the file system that the launcher mounts over {@code /run}, by which a private world is known. */
    private static final String MARK = "peerpod-world /run tmpfs";

    private static final Path FOLDER = Path.of("/run/peerpod");
    private static final Path LOGS = Path.of("/run/peerpod-logs");
    private static final Logger LOG = LoggerFactory.getLogger(PrivateWorld.class);
    private static final Duration CLOUD_LIMIT = Duration.ofSeconds(20);

    private final Installation installation;
    private final WorldSnapshot before;
    private final ReentrantLock lock = new ReentrantLock();
    private final PodNamespaces pods;
    private @Nullable NodeProcess node;
    private boolean closed;

    private PrivateWorld(Installation installation, WorldSnapshot before, PodNamespaces pods) {
        this.installation = installation;
        this.before = before;
        this.pods = pods;
    }

    /** Whether this process runs in namespaces that were made for it. */
    public static boolean isPrivate() {
        try (Stream<String> mounts = Files.lines(Path.of("/proc/self/mounts"))) {
            return mounts.anyMatch(line -> line.startsWith(MARK));
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Makes the node's network.
     *
     * @throws IOException when this process is not in a private world, or the kernel refuses
     */
    public static PrivateWorld make(Installation installation) throws IOException {
        if (!isPrivate()) {
            throw new IOException(
                    "this process shares its network and /run with the rest of the machine, which it must not touch; "
                            + "start it through the launcher ./peerpod, which makes namespaces for it");
        }
        WorldSnapshot before = WorldSnapshot.take();
        Files.createDirectories(LOGS);
        return new PrivateWorld(installation, before, PodNamespaces.make());
    }

    /** The pods' namespaces. */
    public PodNamespaces pods() {
        return pods;
    }

    /** The programs that run here. */
    public Installation installation() {
        return installation;
    }

    /** Where logs go. */
    public Path logs() {
        return LOGS;
    }

    /** Starts the daemon with its relay. */
    public NodeProcess startNode(Map<String, String> environment, String... flags)
            throws IOException, InterruptedException {
        NodeProcess started = NodeProcess.start(installation, environment, LOGS.resolve("daemon.log"), flags);
        lock.lock();
        try {
            node = started;
            if (closed) {
                started.close();
                throw new IOException("the world was closed while the daemon started");
            }
            return started;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until every sandbox is forgotten: no pod VM, no folder of a pod, no journal.
     *
     * @return what is left when the time is up; empty when nothing is
     */
    public List<String> awaitNoSandbox(Duration limit) throws IOException, InterruptedException {
        long end = System.nanoTime() + limit.toNanos();
        while (true) {
            List<String> left = sandboxes();
            if (left.isEmpty() || System.nanoTime() > end) {
                return left;
            }
            TimeUnit.MILLISECONDS.sleep(10);
        }
    }

    private List<String> sandboxes() throws IOException {
        Stream<String> folders = Stream.of(FOLDER.resolve("pods"), FOLDER.resolve("state/journal"))
                .flatMap(folder -> entries(folder).stream())
                // Ended sandboxes are told of for a while.
                .filter(path -> !path.endsWith("journal/ended"))
                .map(path -> "file " + path);
        Stream<String> vms = PodVms.running().stream().map(vm -> "process " + vm);
        return Stream.concat(folders, vms).toList();
    }

    private static List<Path> entries(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> list = Files.list(folder)) {
            return list.toList();
        } catch (IOException e) {
            // It went away meanwhile.
            return List.of();
        }
    }

    /** Takes everything away; what could not be is told by {@link #leftovers}. Calls after the first do nothing. */
    @Override
    public void close() throws IOException {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            if (node != null) {
                stopSandboxes();
                node.close();
            }
            pods.close();
            deleteTree(FOLDER);
            deleteTree(LOGS);
            Files.deleteIfExists(Path.of("/run/netns"));
        } finally {
            lock.unlock();
        }
    }

    /** Whoever made the sandboxes may be gone or still at it: asks for the end of each until none is left. */
    private void stopSandboxes() throws IOException {
        long end = System.nanoTime() + CLOUD_LIMIT.toNanos();
        try (HypervisorClient hypervisor = new HypervisorClient(NodeProcess.SOCKET, ShimHabits.GO)) {
            while (!sandboxes().isEmpty() && System.nanoTime() < end) {
                for (Path folder : entries(FOLDER.resolve("pods"))) {
                    try {
                        hypervisor.stopVm(folder.getFileName().toString());
                    } catch (IOException | WireStatusException e) {
                        LOG.atWarn().addKeyValue("failure", e.getMessage()).log("StopVM failed; it is asked for again");
                    }
                }
                TimeUnit.MILLISECONDS.sleep(20);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What is here now and was not before {@link #make}. */
    public List<String> leftovers() throws IOException {
        return WorldSnapshot.take().since(before);
    }

    /** Kills everything that still runs in here: the last resort after {@link #leftovers} was looked at. */
    public static void killTheRest() throws IOException {
        if (isPrivate()) {
            for (WorldProcesses.Running running : WorldProcesses.others()) {
                ProcessHandle.of(running.pid()).ifPresent(ProcessHandle::destroyForcibly);
            }
        }
    }

    private static void deleteTree(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> walk = Files.walk(folder)) {
            all = walk.sorted(java.util.Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.deleteIfExists(path);
        }
    }
}
