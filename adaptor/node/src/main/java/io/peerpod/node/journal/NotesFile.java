// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The stages of one sandbox, in a file beside its journal so that nothing that happens to them can touch a fact. Written without a sync; a disk
 * that takes nothing costs the note and nothing else. The file is bounded: what repeats is thinned out, and what is too much is left out.
 */
final class NotesFile {
    /** Longest file; a sandbox that starts and stops takes about 3 KiB. */
    static final int MAX_BYTES = 256 << 10;

    /** A stage with the same failure is noted this often, then at every power of two. */
    static final int REPEATS_NOTED = 8;

    private static final Logger log = LoggerFactory.getLogger(NotesFile.class);

    private final Path file;
    private final JournalStorage storage;
    private final Clock clock;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Integer> repeats = new HashMap<>();
    private JournalStorage.@Nullable Handle handle;
    private int end;
    private boolean closed;

    NotesFile(Path file, JournalStorage storage, Clock clock) {
        this.file = file;
        this.storage = storage;
        this.clock = clock;
    }

    Path path() {
        return file;
    }

    void add(Note note, int factsBefore) {
        lock.lock();
        try {
            if (closed || repeated(note)) {
                return;
            }
            NoteEntry entry = new NoteEntry(
                    note.at().orElseGet(clock::instant).truncatedTo(ChronoUnit.MICROS), factsBefore, note);
            byte[] payload = NoteCodec.encode(entry);
            JournalStorage.Handle open = opened();
            if (end + RecordFormat.size(payload) > MAX_BYTES) {
                return;
            }
            ByteBuffer record = ByteBuffer.allocate(RecordFormat.size(payload));
            RecordFormat.put(record, RecordFormat.NOTE, payload);
            open.write(end, record.flip());
            end += RecordFormat.size(payload);
        } catch (IOException | UncheckedIOException e) {
            log.atDebug()
                    .addKeyValue("file", file)
                    .addKeyValue("failure", e.getMessage())
                    .log("a stage was not noted");
        } finally {
            lock.unlock();
        }
    }

    private boolean repeated(Note note) {
        String key = note.stage() + note.failure().map(Note.Failure::kind).orElse("");
        int times = repeats.merge(key, 1, Integer::sum);
        return times > REPEATS_NOTED && Integer.bitCount(times) != 1;
    }

    private JournalStorage.Handle opened() throws IOException {
        JournalStorage.Handle open = handle;
        if (open != null) {
            return open;
        }
        String name = String.valueOf(file.getFileName());
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null && storage.list(folder).contains(name)) {
            RecordFormat.Content content = RecordFormat.parse(storage.read(file));
            open = storage.open(file);
            end = content.end();
        } else {
            open = storage.create(file);
            end = 0;
        }
        if (end == 0) {
            open.write(0, RecordFormat.header());
            end = RecordFormat.HEADER_BYTES;
        }
        handle = open;
        return open;
    }

    /** Every note in the file, in the order of their writing; none when it cannot be read. */
    static List<NoteEntry> read(Path file, JournalStorage storage) {
        List<NoteEntry> notes = new ArrayList<>();
        try {
            for (RecordFormat.Item item : RecordFormat.parse(storage.read(file)).records()) {
                if (item.version() == RecordFormat.NOTE) {
                    NoteCodec.decode(item.payload()).ifPresent(notes::add);
                }
            }
        } catch (IOException e) {
            log.atTrace().addKeyValue("file", file).log("there are no notes");
        }
        return notes;
    }

    void close() {
        lock.lock();
        try {
            closed = true;
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
}
