// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.node.doubles.FailingStorage;
import io.peerpod.node.doubles.Samples;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.sandbox.SandboxFact;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Stages beside the facts, and what is kept of sandboxes that are gone. */
class FlightRecorderTest {
    private static final Instant NOW = Instant.parse("2026-11-24T10:20:30.123456Z");
    private static final List<SandboxFact> FACTS = Samples.facts("s1");
    private static final List<SandboxFact> LAST = List.of(new SandboxFact.VmDeleted(), new SandboxFact.Ended());

    @TempDir
    private Path temporary;

    private final FailingStorage storage = new FailingStorage();
    private Path folder = Path.of("");

    @BeforeEach
    void open() throws JournalException {
        folder = temporary.resolve("journal");
        journals(EndedLimits.DEFAULT, NOW).recover();
    }

    private JournalFolder journals(EndedLimits limits, Instant now) {
        return new JournalFolder(folder, storage, Clock.fixed(now, ZoneOffset.UTC), limits);
    }

    private List<JournalReader.Recording> read() throws Exception {
        return new JournalReader(folder, storage).read();
    }

    @Test
    void stagesAreReadBackWithTheirPlaceAmongTheFactsAndCostNoSync() throws Exception {
        Journal journal = journals(EndedLimits.DEFAULT, NOW).create("s1", FACTS.subList(0, 1));
        int syncs = storage.syncs.get();
        Note failed = Note.failed(
                Stage.CLOUD_CREATE_ANSWERED, "podvm-web-s1", new Note.Failure("Throttled", "slow down", Actor.CLOUD));
        journal.note(Note.of(Stage.START_REQUESTED, ""));
        journal.append(FACTS.subList(1, 2));
        journal.note(failed);
        Instant earlier = NOW.minusSeconds(1);
        journal.note(Note.of(Stage.TUNNEL_UP, "VNI 7", Duration.ofMillis(3)).at(earlier));
        assertThat(storage.syncs.get()).isEqualTo(syncs + 1);

        JournalReader.Recording recording = read().getFirst();
        assertThat(recording.endedAt()).isEmpty();
        assertThat(recording.facts()).hasSize(2);
        assertThat(recording.notes()).extracting(NoteEntry::factsBefore).containsExactly(1, 2, 2);
        assertThat(recording.notes()).extracting(NoteEntry::recordedAt).containsExactly(NOW, NOW, earlier);
        assertThat(recording.notes().get(1).note()).isEqualTo(failed.at(NOW));
        assertThat(recording.notes().get(2).note().took()).contains(Duration.ofMillis(3));
    }

    @Test
    void everyStageHasItsNumberOnTheWire() {
        for (Stage stage : Stage.values()) {
            byte[] bytes = NoteCodec.encode(new NoteEntry(NOW, 1, Note.of(stage, "x")));
            assertThat(NoteCodec.decode(bytes).orElseThrow().note().stage()).isEqualTo(stage);
        }
    }

    @Test
    void aTornOrMissingNotesFileNeverTouchesTheFacts() throws Exception {
        Journal journal = journals(EndedLimits.DEFAULT, NOW).create("s1", FACTS.subList(0, 1));
        journal.note(Note.of(Stage.START_REQUESTED, ""));
        journal.note(Note.of(Stage.CLOUD_CREATE_BEGUN, "x"));
        journal.close();
        Path notes = folder.resolve("s1.notes");
        byte[] bytes = Files.readAllBytes(notes);
        for (int length = 0; length < bytes.length; length++) {
            Files.write(notes, Arrays.copyOf(bytes, length));
            JournalFolder.Recovery recovery = journals(EndedLimits.DEFAULT, NOW).recover();
            assertThat(recovery.problems()).isEmpty();
            Journal again = recovery.sandboxes().getFirst().journal();
            again.note(Note.of(Stage.RESUMED, ""));
            again.close();
            assertThat(read().getFirst().notes())
                    .extracting(entry -> entry.note().stage())
                    .endsWith(Stage.RESUMED);
        }
        Files.delete(notes);
        assertThat(read().getFirst().facts()).hasSize(1);
    }

    @Test
    void aDiskThatTakesNothingCostsTheNoteAlone() throws Exception {
        Journal journal = journals(EndedLimits.DEFAULT, NOW).create("s1", FACTS.subList(0, 1));
        storage.readOnly = true;
        journal.note(Note.of(Stage.START_REQUESTED, ""));
        storage.readOnly = false;
        storage.room = 3;
        journal.note(Note.of(Stage.START_REQUESTED, ""));
        storage.room = -1;
        journal.append(FACTS.subList(1, 2));
        journal.note(Note.of(Stage.CLOUD_CREATE_BEGUN, ""));
        assertThat(read().getFirst().notes())
                .extracting(entry -> entry.note().stage())
                .containsExactly(Stage.CLOUD_CREATE_BEGUN);
    }

    @Test
    void whatRepeatsForeverIsThinnedOutAndBounded() throws Exception {
        Journal journal = journals(EndedLimits.DEFAULT, NOW).create("s1", FACTS.subList(0, 1));
        for (int attempt = 1; attempt <= 1_000; attempt++) {
            journal.note(Note.of(Stage.DELETE_ASKED, "attempt " + attempt));
        }
        assertThat(read().getFirst().notes()).hasSizeBetween(10, 30);
        for (int i = 0; i < 5_000; i++) {
            journal.note(
                    Note.failed(Stage.DELETE_ASKED, "", new Note.Failure("kind " + i, "m".repeat(5_000), Actor.CLOUD)));
        }
        assertThat(Files.size(folder.resolve("s1.notes"))).isLessThanOrEqualTo(NotesFile.MAX_BYTES);
    }

    @Test
    void theStoryOfASandboxThatIsGoneIsKeptWithoutItsInitdata() throws Exception {
        Journal journal = journals(EndedLimits.DEFAULT, NOW).create("s1", FACTS.subList(0, 1));
        journal.note(Note.of(Stage.START_REQUESTED, ""));
        journal.append(FACTS.subList(1, 2));
        journal.note(Note.of(Stage.DELETE_ASKED, ""));
        journal.end(LAST);

        assertThat(journals(EndedLimits.DEFAULT, NOW).recover().sandboxes()).isEmpty();
        try (var files = Files.list(folder)) {
            assertThat(files.map(Path::getFileName).map(Path::toString)).containsExactly("ended");
        }
        JournalReader.Recording recording = read().getFirst();
        assertThat(recording.sandboxId()).isEqualTo("s1");
        assertThat(recording.endedAt()).contains(Instant.ofEpochMilli(NOW.toEpochMilli()));
        assertThat(recording.facts()).hasSize(4);
        assertThat(recording.facts().getLast().fact()).isEqualTo(new SandboxFact.Ended());
        assertThat(recording.notes()).extracting(NoteEntry::factsBefore).containsExactly(1, 2);
        var prepared = (SandboxFact.Prepared) recording.facts().getFirst().fact();
        assertThat(SandboxPlan.of(prepared.sandbox()).request().initdata()).isEqualTo(Optional.empty());
    }

    @Test
    void whatIsKeptOfThemIsBoundedInNumberAndAge() throws Exception {
        EndedLimits three = new EndedLimits(3, Duration.ofHours(1));
        for (int i = 0; i < 6; i++) {
            journals(three, NOW.plusSeconds(i))
                    .create("s" + i, FACTS.subList(0, 1))
                    .end(LAST);
        }
        assertThat(read()).extracting(JournalReader.Recording::sandboxId).containsExactly("s3", "s4", "s5");
        journals(three, NOW.plus(Duration.ofHours(1)).plusSeconds(4)).recover();
        assertThat(read()).extracting(JournalReader.Recording::sandboxId).containsExactly("s4", "s5");
        EndedLimits none = new EndedLimits(0, Duration.ofHours(1));
        journals(none, NOW.plus(Duration.ofHours(2)))
                .create("s9", FACTS.subList(0, 1))
                .end(LAST);
        journals(none, NOW.plus(Duration.ofHours(2))).recover();
        assertThat(read()).isEmpty();
    }

    @Test
    void aFullDiskDoesNotKeepASandboxFromEnding() throws Exception {
        Journal journal = journals(EndedLimits.DEFAULT, NOW).create("s1", FACTS.subList(0, 1));
        storage.room = 0;
        journal.end(LAST);
        assertThat(folder.resolve("s1.journal")).doesNotExist();
    }
}
