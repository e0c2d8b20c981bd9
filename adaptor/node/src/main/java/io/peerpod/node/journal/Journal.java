// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import io.peerpod.sandbox.SandboxFact;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The journal of one sandbox, open for appending. */
public final class Journal implements AutoCloseable {
    /** Zeros written ahead when the file is made: about twenty facts. */
    static final int RESERVED_BYTES = 4096;

    private final Path file;
    private final JournalStorage storage;
    private final Clock clock;
    private final ReentrantLock lock = new ReentrantLock();
    private JournalStorage.@Nullable Handle handle;
    private int end;
    /** Whether bytes of a failed write may lie behind {@link #end}; they are wiped before the next write. */
    private boolean dirty;

    private Journal(Path file, JournalStorage storage, Clock clock, int end, boolean dirty) {
        this.file = file;
        this.storage = storage;
        this.clock = clock;
        this.end = end;
        this.dirty = dirty;
    }

    /** Makes the file with its first facts, durable when this returns; on failure nothing is left of it. */
    static Journal create(Path file, JournalStorage storage, Clock clock, List<SandboxFact> facts)
            throws JournalException {
        Journal journal = new Journal(file, storage, clock, RecordFormat.HEADER_BYTES, false);
        ByteBuffer records = journal.encode(facts);
        int end = RecordFormat.HEADER_BYTES + records.remaining();
        try {
            JournalStorage.Handle handle = storage.create(file);
            try {
                ByteBuffer whole = ByteBuffer.allocate(end + RESERVED_BYTES)
                        .put(RecordFormat.header())
                        .put(records)
                        .rewind();
                handle.write(0, whole);
                handle.sync();
                storage.syncFolder(folderOf(file));
            } catch (IOException e) {
                handle.close();
                removeQuietly(file, storage, e);
                throw e;
            }
            journal.handle = handle;
            journal.end = end;
            return journal;
        } catch (IOException e) {
            throw new JournalException("journal " + file + " cannot be made: " + reason(e), e);
        }
    }

    /** An existing file, whose facts end at the offset. */
    static Journal reopen(Path file, JournalStorage storage, Clock clock, int end) {
        return new Journal(file, storage, clock, end, true);
    }

    /**
     * Appends facts with one write and one sync; they are durable when this returns, and not recorded at all when it throws.
     *
     * @throws JournalException naming the file and why; the journal can be tried again
     */
    public void append(List<SandboxFact> facts) throws JournalException {
        lock.lock();
        try {
            ByteBuffer records = encode(facts);
            int length = records.remaining();
            JournalStorage.Handle open = opened();
            if (dirty) {
                wipe(open);
            }
            dirty = true;
            open.write(end, records);
            open.sync();
            dirty = false;
            end += length;
        } catch (IOException e) {
            throw new JournalException("journal " + file + " cannot be written: " + reason(e), e);
        } finally {
            lock.unlock();
        }
    }

    /** Removes the file, durably. */
    public void remove() throws JournalException {
        close();
        try {
            storage.delete(file);
            storage.syncFolder(folderOf(file));
        } catch (IOException e) {
            throw new JournalException("journal " + file + " cannot be removed: " + reason(e), e);
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            if (handle != null) {
                handle.close();
                handle = null;
            }
        } catch (UncheckedIOException e) {
            handle = null;
        } finally {
            lock.unlock();
        }
    }

    private JournalStorage.Handle opened() throws IOException {
        JournalStorage.Handle open = handle;
        if (open == null) {
            open = storage.open(file);
            handle = open;
        }
        return open;
    }

    /** Overwrites what a failed write or a crash left behind the last fact, so that it can never be read as one. */
    private void wipe(JournalStorage.Handle open) throws IOException {
        int length = storage.read(file).length - end;
        open.write(end, ByteBuffer.allocate(Math.max(length, 0)));
    }

    private ByteBuffer encode(List<SandboxFact> facts) throws JournalException {
        List<byte[]> payloads = new ArrayList<>();
        int size = 0;
        for (SandboxFact fact : facts) {
            byte[] payload = EntryCodec.encode(new JournalEntry(clock.instant().truncatedTo(ChronoUnit.MICROS), fact));
            if (payload.length > RecordFormat.MAX_PAYLOAD_BYTES) {
                throw new JournalException("a fact of " + payload.length + " bytes is larger than the "
                        + RecordFormat.MAX_PAYLOAD_BYTES + " that a journal takes (" + file + ")");
            }
            payloads.add(payload);
            size += RecordFormat.size(payload);
        }
        ByteBuffer records = ByteBuffer.allocate(size);
        payloads.forEach(payload -> RecordFormat.put(records, payload));
        return records.flip();
    }

    private static void removeQuietly(Path file, JournalStorage storage, IOException first) {
        try {
            storage.delete(file);
        } catch (IOException e) {
            first.addSuppressed(e);
        }
    }

    private static Path folderOf(Path file) {
        return Optional.ofNullable(file.getParent()).orElseThrow();
    }

    static String reason(IOException e) {
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }
}
