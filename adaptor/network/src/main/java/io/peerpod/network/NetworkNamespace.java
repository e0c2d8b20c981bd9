// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * A network namespace, held by a descriptor: it lives at least as long as this object is open. Work inside it runs on a fresh
 * platform thread that ends afterwards, because a thread that failed to leave a namespace must never serve anybody else (W-B10).
 */
public final class NetworkNamespace implements AutoCloseable {
    private static final String OF_THIS_THREAD = "/proc/thread-self/ns/net";

    private final int descriptor;
    private final String name;

    private NetworkNamespace(int descriptor, String name) {
        this.descriptor = descriptor;
        this.name = name;
    }

    /** The namespace of the calling thread. */
    public static NetworkNamespace current() throws IOException {
        return open(Path.of(OF_THIS_THREAD));
    }

    /**
     * The namespace bound at a path.
     *
     * @throws NoSuchFileException if there is no such file, or no namespace is bound there
     * @throws IOException if it may not be opened
     */
    public static NetworkNamespace open(Path path) throws IOException {
        Libc libc = Libc.system();
        int descriptor;
        try {
            descriptor = libc.open(path.toString(), Constants.O_RDONLY | Constants.O_CLOEXEC, 0);
        } catch (ErrnoException e) {
            if (e.isOneOf(Errno.ENOENT, Errno.ENOTDIR)) {
                throw new NoSuchFileException(path.toString(), null, "there is no network namespace");
            }
            throw e;
        }
        NetworkNamespace namespace = new NetworkNamespace(descriptor, path.toString());
        try {
            if (!path.toString().equals(OF_THIS_THREAD)) {
                namespace.run(() -> {});
            }
            return namespace;
        } catch (IOException | RuntimeException e) {
            namespace.close();
            throw e;
        }
    }

    /**
     * Creates a namespace and binds it at a path, as {@code ip netns add} does; one that is bound there already is opened instead. The
     * loopback is up afterwards.
     */
    public static NetworkNamespace create(Path path) throws IOException {
        Path absolute = path.toAbsolutePath();
        if (absolute.getParent() != null) {
            Files.createDirectories(absolute.getParent());
        }
        Libc libc = Libc.system();
        NetworkNamespace namespace;
        try {
            namespace = open(absolute);
        } catch (NoSuchFileException absent) {
            // A plain file without a namespace is what a kill between the next two steps leaves behind.
            libc.close(
                    libc.open(absolute.toString(), Constants.O_RDONLY | Constants.O_CREAT | Constants.O_CLOEXEC, 0444));
            onFreshThread("netns-create", () -> {
                libc.unshare(Constants.CLONE_NEWNET);
                libc.mount(OF_THIS_THREAD, absolute.toString(), null, Constants.MS_BIND, null);
                return true;
            });
            namespace = open(absolute);
        }
        try (RouteNetlink netlink = namespace.routeNetlink()) {
            netlink.bringLoopbackUp();
            return namespace;
        } catch (IOException | RuntimeException e) {
            namespace.close();
            throw e;
        }
    }

    /** Creates a namespace that has no name; it ends when this object is closed and no thread or link holds it. */
    public static NetworkNamespace createUnnamed() throws IOException {
        Libc libc = Libc.system();
        NetworkNamespace namespace = onFreshThread("netns-create", () -> {
            libc.unshare(Constants.CLONE_NEWNET);
            return new NetworkNamespace(
                    libc.open(OF_THIS_THREAD, Constants.O_RDONLY | Constants.O_CLOEXEC, 0), "unnamed");
        });
        try (RouteNetlink netlink = namespace.routeNetlink()) {
            netlink.bringLoopbackUp();
            return namespace;
        }
    }

    /** Unbinds the namespace at a path and deletes the file; nothing to do if it is absent. */
    public static void remove(Path path) throws IOException {
        try {
            Libc.system().umount2(path.toString(), Constants.MNT_DETACH | Constants.UMOUNT_NOFOLLOW);
        } catch (ErrnoException e) {
            if (!e.isOneOf(Errno.ENOENT, Errno.EINVAL, Errno.ENOTDIR)) {
                throw e;
            }
        }
        Files.deleteIfExists(path);
    }

    /** Work inside a namespace, with a result. */
    @FunctionalInterface
    public interface Work<T, E extends Exception> {
        T run() throws E, IOException;
    }

    /** Work inside a namespace, without a result. */
    @FunctionalInterface
    public interface Action {
        void run() throws IOException;
    }

    /**
     * Runs work on a fresh platform thread inside this namespace and returns its result. If the calling thread is interrupted, the
     * work is, and is then waited for: it never goes on unseen.
     *
     * @throws Exception what the work throws
     */
    public <T extends @Nullable Object> T call(Callable<T> work) throws Exception {
        Result<T> result = runInside(work);
        if (result.failure != null) {
            throw result.failure;
        }
        return result.value();
    }

    /** As {@link #call}, for work that throws nothing checked but {@link IOException}. */
    public void run(Action work) throws IOException {
        compute(() -> {
            work.run();
            return true;
        });
    }

    /** As {@link #call}, for work that throws nothing checked but {@link IOException}. */
    public <T> T compute(Work<T, RuntimeException> work) throws IOException {
        return unwrap(runInside(work::run));
    }

    /** Opens netlink inside this namespace; it is usable from any thread, also after this object is closed. */
    public RouteNetlink routeNetlink() throws IOException {
        return compute(RouteNetlink::open);
    }

    /** For requests that name a namespace by descriptor; valid as long as this object is open. */
    public int descriptor() {
        return descriptor;
    }

    @Override
    public void close() {
        try {
            Libc.system().close(descriptor);
        } catch (ErrnoException e) {
            // Linux frees the descriptor whatever close(2) says.
        }
    }

    @Override
    public String toString() {
        return name;
    }

    private <T extends @Nullable Object> Result<T> runInside(Callable<T> work) {
        return runOnFreshThread("netns-work", () -> {
            enter();
            return work.call();
        });
    }

    private void enter() throws IOException {
        try {
            Libc.system().setns(descriptor, Constants.CLONE_NEWNET);
        } catch (ErrnoException e) {
            if (e.is(Errno.EINVAL)) {
                throw new NoSuchFileException(name, null, "the file is no network namespace (any more)");
            }
            throw e;
        }
    }

    private static <T> T onFreshThread(String threadName, Callable<T> work) throws IOException {
        return unwrap(runOnFreshThread(threadName, work));
    }

    private static <T> T unwrap(Result<T> result) throws IOException {
        return switch (result.failure) {
            case null -> result.value();
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Exception e -> throw new IOException(e);
        };
    }

    private static final class Result<T extends @Nullable Object> {
        private @Nullable T value;
        private @Nullable Exception failure;

        @SuppressWarnings("NullAway") // The work's own result: null only where T admits it.
        T value() {
            return value;
        }
    }

    private static <T extends @Nullable Object> Result<T> runOnFreshThread(String threadName, Callable<T> work) {
        Result<T> result = new Result<>();
        Thread thread = Thread.ofPlatform().name(threadName).start(() -> {
            try {
                result.value = work.call();
            } catch (Exception e) {
                result.failure = e;
            } catch (Error e) {
                result.failure = new IllegalStateException("Work in a namespace failed", e);
            }
        });
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
                thread.interrupt();
            }
        }
        if (interrupted && !(result.failure instanceof InterruptedException)) {
            Thread.currentThread().interrupt();
        }
        return result;
    }
}
