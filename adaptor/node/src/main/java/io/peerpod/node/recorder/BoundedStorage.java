// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.node.journal.DiskStorage;
import io.peerpod.node.journal.JournalStorage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A disk that can only be read, and not without end. */
final class BoundedStorage implements JournalStorage {
    /** A journal holds initdata once and a few kilobytes of facts; what is longer was not written by a daemon. */
    static final int MAX_FILE_BYTES = 8 << 20;

    /** Files of a folder that are looked at, the last ones by name. */
    static final int MAX_FILES = 20_000;

    private final DiskStorage disk = new DiskStorage();

    @Override
    public List<String> list(Path folder) throws IOException {
        List<String> names = disk.list(folder);
        return names.subList(Math.max(0, names.size() - MAX_FILES), names.size());
    }

    @Override
    public byte[] read(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(MAX_FILE_BYTES + 1);
            if (content.length > MAX_FILE_BYTES) {
                throw new IOException(file + " is longer than " + MAX_FILE_BYTES + " bytes, so no daemon wrote it");
            }
            return content;
        }
    }

    @Override
    public void makeFolder(Path folder) {
        throw readOnly();
    }

    @Override
    public Handle create(Path file) {
        throw readOnly();
    }

    @Override
    public Handle open(Path file) {
        throw readOnly();
    }

    @Override
    public void rename(Path from, Path to) {
        throw readOnly();
    }

    @Override
    public void delete(Path file) {
        throw readOnly();
    }

    @Override
    public void syncFolder(Path folder) {
        throw readOnly();
    }

    private static UnsupportedOperationException readOnly() {
        return new UnsupportedOperationException("the flight recorder's reader changes nothing");
    }
}
