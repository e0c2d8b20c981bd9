// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The local cloud's own memory: one folder for each VM below {@code <state>/vms}, holding {@code record} and {@code console.log}, and
 * one {@code <state>/lock}, which orders the processes that use the folder and holds the number of the address given out last.
 * Everything is on disk before the call that needs it returns; a kill between any two steps leaves a state that the next process
 * understands. When the last VM goes, only the state folder itself stays.
 */
final class VmStore {
    private static final Logger log = LoggerFactory.getLogger(VmStore.class);

    private static final String RECORD = "record";
    private static final String NEW_RECORD = "record.new";

    /** More than any tags that a caller could have given. */
    private static final int MAX_RECORD_BYTES = 1 << 20;

    private static final Set<PosixFilePermission> PRIVATE_FOLDER = PosixFilePermissions.fromString("rwx------");

    /** The JDK refuses a second file lock within one process, so threads queue here first. */
    private static final ReentrantLock IN_PROCESS = new ReentrantLock();

    private final Path state;
    private final Path vms;

    VmStore(Path state) {
        this.state = state;
        this.vms = state.resolve("vms");
    }

    /** What is done while nobody else may touch the state folder. */
    interface Transaction<T, X extends Exception> {
        T run(Access access) throws IOException, X;
    }

    /** The state folder while it is locked. */
    final class Access {
        private final FileChannel lock;

        private Access(FileChannel lock) {
            this.lock = lock;
        }

        /** The number of the address that was given out last; 0 if none ever was. */
        int lastNumber() throws IOException {
            ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES);
            return lock.read(bytes, 0) == Integer.BYTES ? bytes.getInt(0) : 0;
        }

        /** Remembers it before a record with that address is written, so that a kill in between at worst skips an address. */
        void rememberNumber(int number) throws IOException {
            lock.write(ByteBuffer.allocate(Integer.BYTES).putInt(0, number), 0);
            lock.force(false);
        }

        /** Writes a record so that it is either the old or the new one after a kill, and the new one when this returns. */
        void write(VmRecord record) throws IOException {
            Path folder = folder(record.token().instanceName());
            if (Files.notExists(folder)) {
                Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(PRIVATE_FOLDER));
                sync(vms);
            }
            Path fresh = folder.resolve(NEW_RECORD);
            Files.deleteIfExists(fresh);
            try (FileChannel file = FileChannel.open(
                    fresh,
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                ByteBuffer bytes = ByteBuffer.wrap(record.write().getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    file.write(bytes);
                }
                file.force(true);
            }
            Files.move(fresh, folder.resolve(RECORD), StandardCopyOption.ATOMIC_MOVE);
            sync(folder);
        }

        /** Removes a VM's folder, the record last, so that a kill half-way leaves a VM that can be deleted again. */
        void remove(String instanceName) throws IOException {
            Path folder = folder(instanceName);
            Path record = folder.resolve(RECORD);
            for (Path entry : entries(folder)) {
                if (!entry.equals(record)) {
                    // The stage holds empty folders only: what is mounted on them is seen in the VM alone.
                    for (Path inner :
                            Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS) ? entries(entry) : List.<Path>of()) {
                        Files.deleteIfExists(inner);
                    }
                    Files.deleteIfExists(entry);
                }
            }
            Files.deleteIfExists(record);
            Files.deleteIfExists(folder);
            if (Files.exists(vms)) {
                sync(vms);
            }
        }

        /** The record of a name. */
        Optional<VmRecord> find(String instanceName) throws IOException {
            return read(folder(instanceName));
        }

        /** All records. */
        List<VmRecord> all() throws IOException {
            return VmStore.this.all();
        }
    }

    /** Runs a transaction; waits for other threads and processes that have one, and ends on interrupt while it waits for threads. */
    <T, X extends Exception> T locked(Transaction<T, X> transaction) throws IOException, InterruptedException, X {
        IN_PROCESS.lockInterruptibly();
        try {
            makeFolders();
            Path path = state.resolve("lock");
            try (Lock lock = Lock.acquire(path)) {
                // Whoever had the lock before may have been the last one out.
                makeFolders();
                try {
                    return transaction.run(new Access(lock.channel()));
                } finally {
                    // The last one out leaves nothing behind; who waits for this lock sees that it is not at its path
                    // any more.
                    if (removeIfEmpty()) {
                        Files.deleteIfExists(path);
                    }
                }
            }
        } finally {
            IN_PROCESS.unlock();
        }
    }

    /** The record of a name, without waiting for anybody. */
    Optional<VmRecord> find(String instanceName) throws IOException {
        return read(folder(instanceName));
    }

    /**
     * All records, without waiting for anybody. A damaged one is left out, with a warning, so that one VM cannot stop all others; that
     * its address is in use shows when a route to it is made.
     */
    List<VmRecord> all() throws IOException {
        List<VmRecord> records = new ArrayList<>();
        for (Path folder : entries(vms)) {
            try {
                read(folder).ifPresent(records::add);
            } catch (IOException e) {
                log.atWarn().addKeyValue("instance", folder.getFileName()).log(e.getMessage());
            }
        }
        return records;
    }

    /** Whether there is anything beside the state folder itself. */
    boolean isUsed() {
        return Files.exists(vms) || Files.exists(state.resolve("lock"));
    }

    /** The folder of a VM. */
    Path folder(String instanceName) {
        return vms.resolve(instanceName);
    }

    /** What marks the processes of a VM, told apart from those of another state folder's. */
    String marker(String id) {
        return state.resolve(id).toString();
    }

    /** Where the VM's init writes to. */
    Path console(String instanceName) {
        return folder(instanceName).resolve("console.log");
    }

    private void makeFolders() throws IOException {
        if (Files.notExists(vms)) {
            Files.createDirectories(state);
            Files.setPosixFilePermissions(state, PRIVATE_FOLDER);
            Files.createDirectories(vms, PosixFilePermissions.asFileAttribute(PRIVATE_FOLDER));
        }
    }

    private boolean removeIfEmpty() throws IOException {
        if (!entries(vms).isEmpty()) {
            return false;
        }
        try {
            Files.deleteIfExists(vms);
            return true;
        } catch (DirectoryNotEmptyException e) {
            return false;
        }
    }

    private static Optional<VmRecord> read(Path folder) throws IOException {
        Path file = folder.resolve(RECORD);
        try {
            if (Files.size(file) > MAX_RECORD_BYTES) {
                throw new IOException(file + " is larger than " + MAX_RECORD_BYTES
                        + " bytes, so the local cloud did not write it; the operator should look at it and remove it");
            }
            return Optional.of(VmRecord.parse(Files.readString(file)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    file + " is no record of a pod VM: " + e.getMessage()
                            + "; the operator should end the VM's processes by hand and remove its folder",
                    e);
        }
    }

    private static List<Path> entries(Path folder) throws IOException {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
            stream.forEach(entries::add);
        } catch (NoSuchFileException e) {
            return List.of();
        }
        return entries;
    }

    private static void sync(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** The lock file, opened and locked; closing it unlocks it. */
    private record Lock(int descriptor, FileChannel channel) implements AutoCloseable {

        static Lock acquire(Path path) throws IOException {
            while (true) {
                int descriptor = Libc.system()
                        .open(path.toString(), Constants.O_RDWR | Constants.O_CREAT | Constants.O_CLOEXEC, 0600);
                // By this name it can be opened and looked at even after somebody removed the path.
                Path self = Path.of("/proc/self/fd/" + descriptor);
                Lock lock = new Lock(descriptor, open(descriptor, self));
                boolean kept = false;
                try {
                    lock.channel.lock();
                    kept = isSameFile(self, path);
                    if (kept) {
                        return lock;
                    }
                } finally {
                    if (!kept) {
                        lock.close();
                    }
                }
            }
        }

        private static FileChannel open(int descriptor, Path self) throws IOException {
            try {
                return FileChannel.open(self, StandardOpenOption.READ, StandardOpenOption.WRITE);
            } catch (IOException e) {
                Libc.system().close(descriptor);
                throw e;
            }
        }

        private static boolean isSameFile(Path one, Path other) throws IOException {
            try {
                return key(one).equals(key(other));
            } catch (NoSuchFileException e) {
                return false;
            }
        }

        private static Object key(Path path) throws IOException {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        }

        @Override
        public void close() throws IOException {
            try {
                channel.close();
            } finally {
                Libc.system().close(descriptor);
            }
        }
    }
}
