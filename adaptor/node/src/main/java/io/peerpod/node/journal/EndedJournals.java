// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import io.peerpod.sandbox.SandboxFact;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What sandboxes that are gone left to read: one file each, facts and stages together, without the pod's initdata, named
 * {@code <end, milliseconds since 1970>.<sandbox>.journal}. Nothing rests on them, so nothing is synced, and what cannot be written is left
 * out. The oldest go first.
 */
final class EndedJournals {
    static final String FOLDER = "ended";
    private static final int MILLIS_DIGITS = 13;
    private static final Logger log = LoggerFactory.getLogger(EndedJournals.class);

    private final Path folder;
    private final JournalStorage storage;
    private final Clock clock;
    private final EndedLimits limits;

    EndedJournals(Path journals, JournalStorage storage, Clock clock, EndedLimits limits) {
        this.folder = journals.resolve(FOLDER);
        this.storage = storage;
        this.clock = clock;
        this.limits = limits;
    }

    boolean keeps() {
        return limits.count() > 0;
    }

    /** Keeps a sandbox's story. A file that an ending which was cut off left of it is replaced. */
    void keep(String sandboxId, List<JournalEntry> facts, List<NoteEntry> notes) {
        if (!keeps()) {
            return;
        }
        try {
            storage.makeFolder(folder);
            String suffix = "." + sandboxId + JournalFolder.SUFFIX;
            for (String name : storage.list(folder)) {
                if (name.endsWith(suffix) && name.length() == MILLIS_DIGITS + suffix.length()) {
                    storage.delete(folder.resolve(name));
                }
            }
            ByteBuffer whole = encode(facts, notes);
            Path file = folder.resolve(("%0" + MILLIS_DIGITS + "d%s").formatted(clock.millis(), suffix));
            JournalStorage.Handle handle = storage.create(file);
            try {
                handle.write(0, whole);
            } finally {
                handle.close();
            }
            prune();
        } catch (IOException | UncheckedIOException e) {
            log.atWarn()
                    .addKeyValue("sandbox", sandboxId)
                    .addKeyValue("failure", e.getMessage())
                    .log("the story of a sandbox that is gone could not be kept");
        }
    }

    /** Removes what is too old or too much. */
    void prune() {
        try {
            List<String> names = storage.list(folder);
            long oldest = clock.millis() - limits.age().toMillis();
            int surplus = names.size() - limits.count();
            for (int i = 0; i < names.size(); i++) {
                if (i < surplus || endMillis(names.get(i)) < oldest) {
                    storage.delete(folder.resolve(names.get(i)));
                }
            }
        } catch (IOException e) {
            log.atTrace().addKeyValue("folder", folder).log("there are no ended journals");
        }
    }

    static String sandboxId(String name) {
        return name.length() > MILLIS_DIGITS + 1 + JournalFolder.SUFFIX.length()
                ? name.substring(MILLIS_DIGITS + 1, name.length() - JournalFolder.SUFFIX.length())
                : name;
    }

    static long endMillis(String name) {
        try {
            return Long.parseLong(name.substring(0, Math.min(MILLIS_DIGITS, name.length())));
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private static ByteBuffer encode(List<JournalEntry> facts, List<NoteEntry> notes) {
        List<RecordFormat.Item> items = new ArrayList<>();
        int next = 0;
        for (int recorded = 0; recorded <= facts.size(); recorded++) {
            while (next < notes.size()
                    && (recorded == facts.size() || notes.get(next).factsBefore() <= recorded)) {
                items.add(new RecordFormat.Item(RecordFormat.NOTE, NoteCodec.encode(notes.get(next++))));
            }
            if (recorded < facts.size()) {
                items.add(new RecordFormat.Item(RecordFormat.FACT, withoutInitdata(facts.get(recorded))));
            }
        }
        int size = items.stream()
                .mapToInt(item -> RecordFormat.size(item.payload()))
                .sum();
        ByteBuffer whole = ByteBuffer.allocate(RecordFormat.HEADER_BYTES + size).put(RecordFormat.header());
        items.forEach(item -> RecordFormat.put(whole, item.version(), item.payload()));
        return whole.flip();
    }

    private static byte[] withoutInitdata(JournalEntry entry) {
        return entry.fact() instanceof SandboxFact.Prepared
                ? EntryCodec.encodeWithoutInitdata(entry)
                : EntryCodec.encode(entry);
    }
}
