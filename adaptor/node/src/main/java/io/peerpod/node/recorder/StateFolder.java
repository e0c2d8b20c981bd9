// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.node.journal.JournalReader;
import io.peerpod.node.journal.JournalReader.Recording;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.relay.RelayClient;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A daemon's state folder, for reading. */
final class StateFolder {
    /** A relay that serves answers within milliseconds; one that hangs is not to hold up an operator. */
    static final Duration RELAY_PATIENCE = Duration.ofSeconds(2);

    private final Path folder;

    StateFolder(Path folder) {
        this.folder = folder;
    }

    /** The row of the option table that names it; the same as the daemon's. */
    static Option<Path> option(Options table) {
        return table.add(
                "state-dir",
                "PEERPOD_STATE_DIR",
                Parsers.absolutePath(),
                "/run/peerpod/state",
                "the daemon's state folder, whose journals are read");
    }

    /**
     * Every sandbox that a journal tells of, in the order of their beginnings.
     *
     * @throws IOException when the folder is not there or may not be read, in words
     */
    List<Story> stories(Instant now) throws IOException {
        Path journals = folder.resolve("journal");
        if (!Files.isReadable(folder) || (Files.exists(journals) && !Files.isReadable(journals))) {
            throw new IOException(unreadable());
        }
        if (!Files.isDirectory(journals)) {
            return List.of();
        }
        List<Recording> recordings = new JournalReader(journals, new BoundedStorage()).read();
        return recordings.stream()
                .map(recording -> Story.of(recording, now))
                .sorted(Comparator.comparing(Story::begun).thenComparing(Story::sandboxId))
                .toList();
    }

    private String unreadable() {
        Path known = folder;
        while (!Files.exists(known) && known.getParent() != null) {
            known = known.getParent();
        }
        if (!known.equals(folder) && Files.isExecutable(known)) {
            return "there is no state folder " + folder + ": no daemon has run here with it since this machine started."
                    + " If the daemon has another one, name it with -state-dir or PEERPOD_STATE_DIR; if it runs in a container, run"
                    + " this command in there";
        }
        return "the state folder " + folder + " cannot be read by user " + System.getProperty("user.name")
                + ": it belongs to whoever runs the daemon. Run this command as that user (sudo peerpod ...), or in the daemon's"
                + " container";
    }

    /**
     * The sessions of the relay, by sandbox.
     *
     * @throws IOException when no relay answers, in words
     */
    Map<String, SessionStatus> sessions() throws IOException {
        Path socket = folder.resolve("relay.sock");
        FutureTask<List<SessionStatus>> asked = new FutureTask<>(() -> {
            try (RelayClient relay = RelayClient.connect(socket)) {
                return relay.list();
            }
        });
        Thread.ofVirtual().name("relay-list").start(asked);
        try {
            Map<String, SessionStatus> sessions = new HashMap<>();
            asked.get(RELAY_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
                    .forEach(session -> sessions.put(session.sandboxId(), session));
            return sessions;
        } catch (ExecutionException e) {
            String why = e.getCause() instanceof IOException || e.getCause() instanceof RelayException
                    ? String.valueOf(e.getCause().getMessage())
                    : String.valueOf(e.getCause());
            throw new IOException("no relay answers on " + socket + ": " + why, e);
        } catch (TimeoutException e) {
            throw new IOException(
                    "the relay on " + socket + " did not answer within " + RELAY_PATIENCE.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the relay was asked", e);
        }
    }
}
