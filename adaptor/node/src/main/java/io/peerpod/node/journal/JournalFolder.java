// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import io.peerpod.sandbox.SandboxFact;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** All journals of this worker, in one folder of mode 0700. */
public final class JournalFolder {
    static final String SUFFIX = ".journal";
    /** Of the stages beside a journal. */
    static final String NOTES = ".notes";

    static final String DAMAGED = ".damaged";
    private static final String STOPPED = ".stopped";

    private final Path folder;
    private final JournalStorage storage;
    private final Clock clock;
    private final EndedJournals ended;
    /** Sandboxes whose files are there and were not read. */
    private final Set<String> unreadable = ConcurrentHashMap.newKeySet();

    /** With the default limits of what is kept of sandboxes that are gone. */
    public JournalFolder(Path folder, JournalStorage storage, Clock clock) {
        this(folder, storage, clock, EndedLimits.DEFAULT);
    }

    /** Makes nothing yet; {@link #recover} does. */
    public JournalFolder(Path folder, JournalStorage storage, Clock clock, EndedLimits limits) {
        this.folder = folder;
        this.storage = storage;
        this.clock = clock;
        this.ended = new EndedJournals(folder, storage, clock, limits);
    }

    /**
     * A sandbox that a predecessor left.
     *
     * @param entries its facts in order, at least one
     */
    public record Recovered(String sandboxId, Journal journal, List<JournalEntry> entries) {}

    /**
     * What was found.
     *
     * @param sandboxes with journals that can be read
     * @param problems a sentence for every journal that cannot
     */
    public record Recovery(List<Recovered> sandboxes, List<String> problems) {}

    /**
     * Makes the folder if need be and reads every journal. A file whose making was cut off is removed, a damaged one renamed to
     * {@code *.damaged}.
     *
     * @throws JournalException when the folder cannot be made or read
     */
    public Recovery recover() throws JournalException {
        List<Recovered> sandboxes = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        try {
            storage.makeFolder(folder);
            List<String> names = storage.list(folder);
            for (String name : names) {
                if (name.endsWith(SUFFIX)) {
                    readOrLeave(name, sandboxes, problems);
                }
            }
            for (String name : names) {
                if (name.endsWith(NOTES)
                        && !names.contains(name.substring(0, name.length() - NOTES.length()) + SUFFIX)) {
                    storage.delete(folder.resolve(name));
                }
            }
            storage.syncFolder(folder);
            ended.prune();
        } catch (IOException e) {
            throw new JournalException("the journals in " + folder + " cannot be read: " + Journal.reason(e), e);
        }
        return new Recovery(sandboxes, problems);
    }

    /**
     * Makes a sandbox's journal with its first facts.
     *
     * @throws JournalException when they could not be made durable; then nothing is left
     */
    public Journal create(String sandboxId, List<SandboxFact> facts) throws JournalException {
        return Journal.create(place(sandboxId), facts);
    }

    /** Sets a journal aside that cannot be followed, and says so in a sentence. */
    public String setAside(String sandboxId, String why) throws IOException {
        String name = sandboxId + SUFFIX;
        storage.rename(folder.resolve(name), folder.resolve(name + DAMAGED));
        storage.syncFolder(folder);
        return "journal " + folder.resolve(name) + " " + why + "; it was set aside as " + name + DAMAGED
                + ". Its pod VM, if there is one, is left alone until its shim asks for its stop or that file is removed;"
                + " then the sweep deletes it";
    }

    /** A sandbox whose journal was set aside is to be stopped: from now on the sweep may have its VM. */
    public void stopSetAside(String sandboxId) throws JournalException {
        try {
            // The id is whatever a caller sent: only one that names a file of this folder becomes a path.
            if (setAside().contains(sandboxId) && !unreadable.contains(sandboxId)) {
                String name = sandboxId + SUFFIX + DAMAGED;
                storage.rename(folder.resolve(name), folder.resolve(name + STOPPED));
                storage.syncFolder(folder);
            }
        } catch (IOException | UncheckedIOException e) {
            throw new JournalException(
                    "that sandbox " + sandboxId + " is to be stopped cannot be written down in " + folder + ": "
                            + e.getMessage(),
                    e);
        }
    }

    /**
     * Ids of the sandboxes whose journals were set aside, as the folder shows it now.
     *
     * @throws UncheckedIOException when it cannot be looked at, and so nothing can be said
     */
    public Set<String> setAside() {
        try {
            Set<String> sandboxes = setAside(storage.list(folder));
            sandboxes.addAll(unreadable);
            return sandboxes;
        } catch (IOException e) {
            throw new UncheckedIOException("the journals in " + folder + " cannot be looked at", e);
        }
    }

    static Set<String> setAside(List<String> names) {
        Set<String> sandboxes = new HashSet<>();
        for (String name : names) {
            if (name.endsWith(SUFFIX + DAMAGED)) {
                sandboxes.add(name.substring(0, name.length() - (SUFFIX + DAMAGED).length()));
            }
        }
        return sandboxes;
    }

    private Journal.Place place(String sandboxId) {
        return new Journal.Place(sandboxId, folder, storage, clock, ended);
    }

    /** One file that cannot be read, or not be set aside, keeps no other sandbox from being continued. */
    private void readOrLeave(String name, List<Recovered> sandboxes, List<String> problems) {
        try {
            read(name, sandboxes, problems);
        } catch (IOException e) {
            unreadable.add(name.substring(0, name.length() - SUFFIX.length()));
            problems.add("journal " + folder.resolve(name) + " cannot be read or set aside: " + Journal.reason(e)
                    + ". Its pod VM, if there is one, is left alone; mend the disk and start the daemon again");
        }
    }

    private void read(String name, List<Recovered> sandboxes, List<String> problems) throws IOException {
        Path file = folder.resolve(name);
        String sandboxId = name.substring(0, name.length() - SUFFIX.length());
        RecordFormat.Content content = RecordFormat.parse(storage.read(file));
        String damage = content.damage().orElse("");
        List<JournalEntry> entries = List.of();
        try {
            entries = EntryCodec.decodeAll(content);
        } catch (JournalException e) {
            damage = String.valueOf(e.getMessage());
        }
        if (!damage.isEmpty()) {
            storage.rename(file, folder.resolve(name + DAMAGED));
            storage.syncFolder(folder);
            problems.add(
                    "journal " + file + " is damaged: " + damage + "; it was set aside as " + name + DAMAGED
                            + ". Its pod VM, if there is one, is left alone until that file is removed; then the sweep deletes it");
        } else if (entries.isEmpty()) {
            storage.delete(file);
            storage.syncFolder(folder);
        } else {
            Journal journal = Journal.reopen(place(sandboxId), content.end(), entries.size());
            sandboxes.add(new Recovered(sandboxId, journal, List.copyOf(entries)));
        }
    }
}
