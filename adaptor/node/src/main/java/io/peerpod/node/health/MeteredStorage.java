// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.health;

import io.peerpod.node.journal.JournalStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/** A journal's disk whose syncs are timed. */
public final class MeteredStorage implements JournalStorage {
    private final JournalStorage disk;
    private final Metrics metrics;

    public MeteredStorage(JournalStorage disk, Metrics metrics) {
        this.disk = disk;
        this.metrics = metrics;
    }

    @FunctionalInterface
    private interface Write {
        void run() throws IOException;
    }

    private void counted(Write write) throws IOException {
        try {
            write.run();
        } catch (IOException e) {
            metrics.journalFailures.increment("");
            throw e;
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
        return new MeteredHandle(disk.create(file));
    }

    @Override
    public Handle open(Path file) throws IOException {
        return new MeteredHandle(disk.open(file));
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        counted(() -> disk.rename(from, to));
    }

    @Override
    public void delete(Path file) throws IOException {
        disk.delete(file);
    }

    @Override
    public void syncFolder(Path folder) throws IOException {
        counted(() -> disk.syncFolder(folder));
    }

    private final class MeteredHandle implements Handle {
        private final Handle handle;

        MeteredHandle(Handle handle) {
            this.handle = handle;
        }

        @Override
        public void write(long offset, ByteBuffer data) throws IOException {
            counted(() -> handle.write(offset, data));
        }

        @Override
        public void sync() throws IOException {
            long start = System.nanoTime();
            counted(handle::sync);
            metrics.syncSeconds.observe(System.nanoTime() - start, "");
        }

        @Override
        public void close() {
            handle.close();
        }
    }
}
