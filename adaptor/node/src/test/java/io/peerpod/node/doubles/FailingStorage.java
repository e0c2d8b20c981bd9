// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.doubles;

import io.peerpod.node.journal.DiskStorage;
import io.peerpod.node.journal.JournalStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A disk that can be told to be full, to be read-only, or to lose what it does not sync. */
public final class FailingStorage implements JournalStorage {
    private final JournalStorage disk = new DiskStorage();
    /** Whether nothing can be made or written any more. */
    public volatile boolean readOnly;
    /** Bytes of each write that still arrive, then "no space left"; negative means all. */
    public volatile int room = -1;
    /** Whether a sync fails although the write went through. */
    public volatile boolean syncFails;

    public final AtomicInteger syncs = new AtomicInteger();

    private void check() throws IOException {
        if (readOnly) {
            throw new IOException("Read-only file system");
        }
    }

    @Override
    public void makeFolder(Path folder) throws IOException {
        disk.makeFolder(folder);
    }

    @Override
    public List<String> list(Path folder) throws IOException {
        return disk.list(folder);
    }

    @Override
    public byte[] read(Path file) throws IOException {
        return disk.read(file);
    }

    @Override
    public Handle create(Path file) throws IOException {
        check();
        return new FailingHandle(disk.create(file));
    }

    @Override
    public Handle open(Path file) throws IOException {
        check();
        return new FailingHandle(disk.open(file));
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        check();
        disk.rename(from, to);
    }

    @Override
    public void delete(Path file) throws IOException {
        check();
        disk.delete(file);
    }

    @Override
    public void syncFolder(Path folder) throws IOException {
        disk.syncFolder(folder);
    }

    private final class FailingHandle implements Handle {
        private final Handle handle;

        FailingHandle(Handle handle) {
            this.handle = handle;
        }

        @Override
        public void write(long offset, ByteBuffer data) throws IOException {
            check();
            int arriving = room;
            if (arriving >= 0 && data.remaining() > arriving) {
                handle.write(offset, data.slice(data.position(), arriving));
                throw new IOException("No space left on device");
            }
            handle.write(offset, data);
        }

        @Override
        public void sync() throws IOException {
            check();
            if (syncFails) {
                throw new IOException("Input/output error");
            }
            syncs.incrementAndGet();
            handle.sync();
        }

        @Override
        public void close() {
            handle.close();
        }
    }
}
