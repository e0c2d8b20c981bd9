// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import io.peerpod.node.journal.JournalStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A disk in memory. A kill leaves what was written, whole or half; a power cut takes back what was not synced, to any byte. It can be full, and it
 * can fail to sync.
 */
final class Disk implements JournalStorage {
    /** Content as it is, and what a power cut would put back. */
    private static final class File {
        private byte[] bytes = {};
        private final List<Undo> undos = new ArrayList<>(2);
    }

    /** What a write replaced. */
    private static final class Undo {
        private final int offset;
        private final byte[] before;
        private final int lengthBefore;

        Undo(int offset, byte[] before, int lengthBefore) {
            this.offset = offset;
            this.before = before;
            this.lengthBefore = lengthBefore;
        }
    }

    private final Map<Path, File> files = new HashMap<>();
    /** Made and not yet durable, removed and not yet durable. */
    private final Map<Path, File> made = new HashMap<>();

    private final Map<Path, File> removed = new HashMap<>();
    private final Dice dice;
    private final Runnable boundary;
    private final boolean syncs;
    boolean full;

    Disk(Dice dice, Runnable boundary, boolean syncs) {
        this.dice = dice;
        this.boundary = boundary;
        this.syncs = syncs;
    }

    boolean isEmpty() {
        return files.isEmpty();
    }

    boolean holds(Path file) {
        return files.containsKey(file);
    }

    /** The node reboots from nothing. */
    void wipe() {
        files.clear();
        made.clear();
        removed.clear();
    }

    /** The node loses its power: what was not synced is there, or not, or in part. */
    void cutPower() {
        made.forEach((path, file) -> {
            if (dice.oneIn(2)) {
                files.remove(path, file);
            }
        });
        removed.forEach((path, file) -> {
            if (dice.oneIn(2)) {
                files.putIfAbsent(path, file);
            }
        });
        made.clear();
        removed.clear();
        for (File file : files.values()) {
            for (Undo undo : file.undos.reversed()) {
                int kept = dice.below(file.bytes.length - undo.offset + 1);
                byte[] bytes = new byte[Math.max(undo.lengthBefore, undo.offset + kept)];
                System.arraycopy(file.bytes, 0, bytes, 0, Math.min(bytes.length, file.bytes.length));
                int from = undo.offset + kept;
                for (int i = from; i < undo.offset + undo.before.length; i++) {
                    bytes[i] = undo.before[i - undo.offset];
                }
                file.bytes = bytes;
            }
            file.undos.clear();
        }
    }

    @Override
    public void makeFolder(Path folder) {}

    @Override
    public List<String> list(Path folder) {
        List<String> names = new ArrayList<>();
        files.keySet().forEach(path -> {
            if (folder.equals(path.getParent())) {
                names.add(String.valueOf(path.getFileName()));
            }
        });
        names.sort(null);
        return names;
    }

    @Override
    public byte[] read(Path file) throws IOException {
        return present(file).bytes.clone();
    }

    private File present(Path path) throws IOException {
        File file = files.get(path);
        if (file == null) {
            throw new NoSuchFileException(path.toString());
        }
        return file;
    }

    @Override
    public Handle create(Path path) throws IOException {
        boundary.run();
        if (files.containsKey(path)) {
            throw new FileAlreadyExistsException(path.toString());
        }
        if (full && dice.oneIn(2)) {
            throw new IOException("No space left on device");
        }
        File file = new File();
        files.put(path, file);
        made.put(path, file);
        boundary.run();
        return new Open(file);
    }

    @Override
    public Handle open(Path path) throws IOException {
        return new Open(present(path));
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        files.put(to, present(from));
        files.remove(from);
    }

    @Override
    public void delete(Path path) {
        boundary.run();
        File file = files.remove(path);
        if (file != null && made.remove(path) == null) {
            removed.put(path, file);
        }
        boundary.run();
    }

    @Override
    public void syncFolder(Path folder) {
        boundary.run();
        made.clear();
        removed.clear();
    }

    private final class Open implements Handle {
        private final File file;

        Open(File file) {
            this.file = file;
        }

        @Override
        public void write(long at, ByteBuffer data) throws IOException {
            boundary.run();
            int offset = (int) at;
            int length = data.remaining();
            int arriving = length;
            if (full) {
                // Room that was reserved is room.
                arriving = Math.min(length, Math.max(0, file.bytes.length - offset));
            }
            int half = arriving / 2;
            put(offset, data, half);
            boundary.run();
            put(offset + half, data, arriving - half);
            boundary.run();
            if (arriving < length) {
                throw new IOException("No space left on device");
            }
        }

        private void put(int offset, ByteBuffer data, int length) {
            if (length == 0) {
                return;
            }
            int before = file.bytes.length;
            int covered = Math.clamp(before - offset, 0, length);
            byte[] old = new byte[covered];
            System.arraycopy(file.bytes, Math.min(offset, before), old, 0, covered);
            file.undos.add(new Undo(offset, old, before));
            if (offset + length > before) {
                byte[] longer = new byte[offset + length];
                System.arraycopy(file.bytes, 0, longer, 0, before);
                file.bytes = longer;
            }
            data.get(file.bytes, offset, length);
        }

        @Override
        public void sync() throws IOException {
            boundary.run();
            if (full && dice.oneIn(8)) {
                throw new IOException("Input/output error");
            }
            if (syncs) {
                file.undos.clear();
            }
            boundary.run();
        }

        @Override
        public void close() {}
    }
}
