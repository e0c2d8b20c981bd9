// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads journals for whoever wants to know, while their daemon runs or after it died. Changes nothing, takes no lock: what is being
 * written at the moment shows up or does not.
 */
public final class JournalReader {
    private final Path folder;
    private final JournalStorage storage;

    /** @param folder the journal folder, {@code <state-dir>/journal} */
    public JournalReader(Path folder, JournalStorage storage) {
        this.folder = folder;
        this.storage = storage;
    }

    /**
     * What is written of one sandbox.
     *
     * @param endedAt when it was gone; empty for one that is still looked after
     * @param facts in order; empty only when the file is damaged from its beginning
     * @param notes in the order of their writing; each says how many facts came before it
     * @param damage why the file cannot be read to its end, if it cannot
     */
    public record Recording(
            String sandboxId,
            Optional<Instant> endedAt,
            List<JournalEntry> facts,
            List<NoteEntry> notes,
            Optional<String> damage) {}

    /**
     * Every sandbox of the folder, ended and set-aside ones included, in the order of file names.
     *
     * @throws IOException when there is no such folder or it may not be read
     */
    public List<Recording> read() throws IOException {
        List<Recording> recordings = new ArrayList<>();
        for (String name : storage.list(folder)) {
            int suffix = name.indexOf(JournalFolder.SUFFIX);
            if (suffix > 0 && (name.endsWith(JournalFolder.SUFFIX) || name.endsWith(JournalFolder.DAMAGED))) {
                String sandboxId = name.substring(0, suffix);
                recording(folder.resolve(name), sandboxId, Optional.empty()).ifPresent(recordings::add);
            }
        }
        for (String name : ended()) {
            String sandboxId = EndedJournals.sandboxId(name);
            Instant at = Instant.ofEpochMilli(EndedJournals.endMillis(name));
            recording(folder.resolve(EndedJournals.FOLDER).resolve(name), sandboxId, Optional.of(at))
                    .ifPresent(recordings::add);
        }
        return recordings;
    }

    private List<String> ended() {
        try {
            return storage.list(folder.resolve(EndedJournals.FOLDER)).stream()
                    .filter(name -> name.endsWith(JournalFolder.SUFFIX))
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private Optional<Recording> recording(Path file, String sandboxId, Optional<Instant> endedAt) {
        RecordFormat.Content content;
        try {
            content = RecordFormat.parse(storage.read(file));
            if (content.damage().isPresent()) {
                // Perhaps it was read in the middle of a write; then a second look finds it whole.
                content = RecordFormat.parse(storage.read(file));
            }
        } catch (NoSuchFileException e) {
            // It went while the folder was read.
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of(new Recording(
                    sandboxId, endedAt, List.of(), List.of(), Optional.of("it cannot be read: " + Journal.reason(e))));
        }
        List<JournalEntry> facts = new ArrayList<>();
        List<NoteEntry> notes = new ArrayList<>();
        Optional<String> damage = content.damage();
        for (RecordFormat.Item item : content.records()) {
            if (item.version() == RecordFormat.NOTE) {
                NoteCodec.decode(item.payload()).ifPresent(notes::add);
                continue;
            }
            try {
                facts.add(EntryCodec.decode(item.payload(), facts));
            } catch (JournalException e) {
                damage = Optional.of(String.valueOf(e.getMessage()));
                break;
            }
        }
        if (endedAt.isEmpty()) {
            notes.addAll(NotesFile.read(folder.resolve(sandboxId + JournalFolder.NOTES), storage));
        }
        return facts.isEmpty() && damage.isEmpty()
                ? Optional.empty()
                : Optional.of(new Recording(sandboxId, endedAt, List.copyOf(facts), List.copyOf(notes), damage));
    }
}
