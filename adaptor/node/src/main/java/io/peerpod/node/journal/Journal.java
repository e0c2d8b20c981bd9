// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import io.peerpod.sandbox.SandboxFact;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The journal of one sandbox, open for appending. */
public final class Journal implements AutoCloseable {
    /** Zeros written ahead when the file is made: about twenty facts. */
    static final int RESERVED_BYTES = 4096;

    private static final Logger log = LoggerFactory.getLogger(Journal.class);

    private final String sandboxId;
    private final Path file;
    private final JournalStorage storage;
    private final Clock clock;
    private final EndedJournals ended;
    private final NotesFile notes;
    private final ReentrantLock lock = new ReentrantLock();
    private JournalStorage.@Nullable Handle handle;
    private int end;
    /** Whether bytes of a failed write may lie behind {@link #end}; they are wiped before the next write. */
    private boolean dirty;
    /** How many facts are recorded. */
    private final AtomicInteger recorded;

    private Journal(Place place, int end, boolean dirty, int recorded) {
        this.sandboxId = place.sandboxId();
        this.file = place.folder().resolve(sandboxId + JournalFolder.SUFFIX);
        this.storage = place.storage();
        this.clock = place.clock();
        this.ended = place.ended();
        this.notes = new NotesFile(place.folder().resolve(sandboxId + JournalFolder.NOTES), storage, clock);
        this.end = end;
        this.dirty = dirty;
        this.recorded = new AtomicInteger(recorded);
    }

    /** Where a journal lies. */
    record Place(String sandboxId, Path folder, JournalStorage storage, Clock clock, EndedJournals ended) {}

    /** Makes the file with its first facts, durable when this returns; on failure nothing is left of it. */
    static Journal create(Place place, List<SandboxFact> facts) throws JournalException {
        Journal journal = new Journal(place, RecordFormat.HEADER_BYTES, false, facts.size());
        Path file = journal.file;
        JournalStorage storage = place.storage();
        ByteBuffer records = journal.encode(facts);
        int end = RecordFormat.HEADER_BYTES + records.remaining();
        try {
            JournalStorage.Handle handle = newFile(file, storage);
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

    /** A file that holds no fact is what a failed making left, and makes way. */
    private static JournalStorage.Handle newFile(Path file, JournalStorage storage) throws IOException {
        try {
            return storage.create(file);
        } catch (FileAlreadyExistsException e) {
            RecordFormat.Content content = RecordFormat.parse(storage.read(file));
            if (!content.records().isEmpty() || content.damage().isPresent()) {
                throw e;
            }
            storage.delete(file);
            return storage.create(file);
        }
    }

    /** An existing file, whose facts end at the offset. */
    static Journal reopen(Place place, int end, int recorded) {
        return new Journal(place, end, true, recorded);
    }

    /**
     * Makes durable what was read: a predecessor that was killed between a write and its sync leaves facts that only the page cache holds, and they are acted on
     * from now on. To be called before anything is done about a sandbox that was recovered.
     *
     * @throws JournalException naming the file and why; it can be tried again
     */
    public void settle() throws JournalException {
        lock.lock();
        try {
            opened().sync();
        } catch (IOException e) {
            throw new JournalException("journal " + file + " cannot be synced: " + reason(e), e);
        } finally {
            lock.unlock();
        }
    }

    /** Notes a stage, without a sync; nothing rests on it, and a disk that takes nothing costs the note alone. */
    public void note(Note note) {
        notes.add(note, recorded.get());
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
            recorded.addAndGet(facts.size());
        } catch (IOException e) {
            throw new JournalException("journal " + file + " cannot be written: " + reason(e), e);
        } finally {
            lock.unlock();
        }
    }

    /** Keeps what can be kept of the story, with its last facts, and removes the file, durably. */
    public void end(List<SandboxFact> last) throws JournalException {
        close();
        keep(last);
        remove();
    }

    private void keep(List<SandboxFact> last) {
        if (!ended.keeps()) {
            return;
        }
        try {
            List<JournalEntry> facts = new ArrayList<>(EntryCodec.decodeAll(RecordFormat.parse(storage.read(file))));
            last.forEach(fact -> facts.add(new JournalEntry(now(), fact)));
            ended.keep(sandboxId, facts, NotesFile.read(notes.path(), storage));
        } catch (IOException | JournalException e) {
            log.atDebug()
                    .addKeyValue("sandbox", sandboxId)
                    .addKeyValue("failure", e.getMessage())
                    .log("the story of a sandbox that is gone is not kept");
        }
    }

    /** Removes the file, durably. */
    public void remove() throws JournalException {
        close();
        try {
            storage.delete(file);
            storage.delete(notes.path());
            storage.syncFolder(folderOf(file));
        } catch (IOException e) {
            throw new JournalException("journal " + file + " cannot be removed: " + reason(e), e);
        }
    }

    @Override
    public void close() {
        notes.close();
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
        for (SandboxFact fact : facts) {
            byte[] payload = EntryCodec.encode(new JournalEntry(now(), fact));
            if (payload.length > RecordFormat.MAX_PAYLOAD_BYTES) {
                throw new JournalException("a fact of " + payload.length + " bytes is larger than the "
                        + RecordFormat.MAX_PAYLOAD_BYTES + " that a journal takes (" + file + ")");
            }
            payloads.add(payload);
        }
        if (payloads.isEmpty()) {
            return ByteBuffer.allocate(0);
        }
        int size = RecordFormat.size(payloads);
        if (size > RecordFormat.MAX_PAYLOAD_BYTES) {
            throw new JournalException("facts of " + size + " bytes together are more than the "
                    + RecordFormat.MAX_PAYLOAD_BYTES + " that a journal takes at once (" + file + ")");
        }
        ByteBuffer records = ByteBuffer.allocate(size);
        RecordFormat.put(records, payloads);
        return records.flip();
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MICROS);
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
