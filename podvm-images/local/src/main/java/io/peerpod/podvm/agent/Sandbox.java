// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.grpc.StatusException;
import io.peerpod.contract.agent.Storage;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one sandbox of a VM: its containers, its folders and its end. */
final class Sandbox {
    private static final Logger log = LoggerFactory.getLogger(Sandbox.class);

    private final Path root;
    private final GuestMachine machine;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Container> containers = new HashMap<>();
    private final List<Path> mounts = new ArrayList<>();
    private final CountDownLatch destroyed = new CountDownLatch(1);
    private boolean created;

    /**
     * @param root usually {@code /run/kata-containers}
     */
    Sandbox(Path root, GuestMachine machine) {
        this.root = root;
        this.machine = machine;
    }

    /** The folder that everything is copied below. */
    Path shared() {
        return root.resolve("shared").resolve("containers");
    }

    /** Makes the sandbox, once. Its folder is made anew and with it the agent's own socket goes, as the real agent does it. */
    void create(String hostname, List<Storage> storages) throws StatusException {
        lock.lock();
        try {
            if (created) {
                throw AgentErrors.internal("sandbox already started");
            }
            created = true;
        } finally {
            lock.unlock();
        }
        try {
            empty(root);
            Files.createDirectories(shared());
            if (!hostname.isEmpty()) {
                machine.setHostname(hostname);
            }
        } catch (IOException e) {
            throw AgentErrors.failed("the sandbox's folder or host name could not be set", e);
        }
        prepare(storages);
    }

    /** Makes the folders and memory file systems that a request asks for; there are no devices and no images. */
    void prepare(List<Storage> storages) throws StatusException {
        for (Storage storage : storages) {
            Path target = Path.of(storage.getMountPoint());
            if (!target.normalize().startsWith(root)) {
                throw AgentErrors.internal("mount point " + storage.getMountPoint() + " is not below " + root);
            }
            try {
                Files.createDirectories(target);
                if (storage.getFstype().equals("tmpfs")) {
                    machine.mountMemory(target, storage.getOptionsList());
                    remember(target);
                } else {
                    log.atInfo()
                            .addKeyValue("driver", storage.getDriver())
                            .addKeyValue("target", target)
                            .log(
                                    "a folder takes the place of a storage: the stand-in agent pulls no images and has no devices");
                }
            } catch (IOException e) {
                throw AgentErrors.failed("storage at " + storage.getMountPoint(), e);
            }
        }
    }

    private void remember(Path mount) {
        lock.lock();
        try {
            mounts.add(mount);
        } finally {
            lock.unlock();
        }
    }

    void add(Container container) throws StatusException {
        lock.lock();
        try {
            if (destroyed.getCount() == 0) {
                throw AgentErrors.internal("the sandbox is being destroyed");
            }
            if (containers.putIfAbsent(container.id(), container) != null) {
                throw AgentErrors.internal("container " + container.id() + " exists already");
            }
        } finally {
            lock.unlock();
        }
    }

    Container find(String id, StatusException missing) throws StatusException {
        lock.lock();
        try {
            Container found = containers.get(id);
            if (found == null) {
                throw missing;
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    int size() {
        lock.lock();
        try {
            return containers.size();
        } finally {
            lock.unlock();
        }
    }

    void remove(Container container) throws InterruptedException {
        container.destroy();
        lock.lock();
        try {
            containers.remove(container.id(), container);
        } finally {
            lock.unlock();
        }
    }

    /** Ends every container and all who wait for the sandbox's end. */
    void destroy() throws InterruptedException {
        destroyed.countDown();
        List<Container> all;
        List<Path> mounted;
        lock.lock();
        try {
            all = List.copyOf(containers.values());
            mounted = List.copyOf(mounts).reversed();
            mounts.clear();
        } finally {
            lock.unlock();
        }
        for (Container container : all) {
            remove(container);
        }
        for (Path mount : mounted) {
            try {
                machine.unmount(mount);
            } catch (IOException e) {
                log.atWarn().addKeyValue("mount", mount).setCause(e).log("a mount of the sandbox stays");
            }
        }
    }

    /** Blocks until the sandbox is destroyed. */
    void awaitEnd() throws InterruptedException {
        destroyed.await();
    }

    private static void empty(Path folder) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path entry : entries) {
                if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
                    empty(entry);
                }
                Files.deleteIfExists(entry);
            }
        } catch (NoSuchFileException e) {
            Files.createDirectories(folder);
        }
    }
}
