// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.node.doubles.FailingStorage;
import io.peerpod.node.doubles.Samples;
import io.peerpod.sandbox.SandboxFact;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {
    private static final Instant NOW = Instant.parse("2026-11-24T10:20:30.123456Z");
    private static final List<SandboxFact> FACTS = Samples.facts("s1");
    private static final SandboxFact STOP = FACTS.get(10);

    @TempDir
    private Path temporary;

    private final FailingStorage storage = new FailingStorage();
    private Path folder = Path.of("");
    private Path file = Path.of("");
    private JournalFolder journals = new JournalFolder(Path.of(""), storage, Clock.systemUTC());

    @BeforeEach
    void open() throws JournalException {
        folder = temporary.resolve("journal");
        file = folder.resolve("s1.journal");
        journals = new JournalFolder(folder, storage, Clock.fixed(NOW, ZoneOffset.UTC));
        assertThat(journals.recover().sandboxes()).isEmpty();
    }

    private List<SandboxFact> read() throws JournalException {
        JournalFolder.Recovery recovery = journals.recover();
        assertThat(recovery.problems()).isEmpty();
        return recovery.sandboxes().isEmpty()
                ? List.of()
                : recovery.sandboxes().getFirst().entries().stream()
                        .map(JournalEntry::fact)
                        .toList();
    }

    @Test
    void everyKindOfFactComesBackAsItWas() throws JournalException {
        Journal journal = journals.create("s1", FACTS.subList(0, 1));
        for (SandboxFact fact : FACTS.subList(1, FACTS.size())) {
            journal.append(List.of(fact));
        }
        JournalFolder.Recovered found = journals.recover().sandboxes().getFirst();
        assertThat(found.sandboxId()).isEqualTo("s1");
        assertThat(found.entries())
                .allSatisfy(entry -> assertThat(entry.recordedAt()).isEqualTo(NOW));
        assertThat(read()).isEqualTo(FACTS);
    }

    @Test
    void nobodyElseMayReadIt() throws Exception {
        journals.create("s1", FACTS);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
                .isEqualTo("rwx------");
    }

    @Test
    void eachAppendIsSyncedOnce() throws JournalException {
        Journal journal = journals.create("s1", FACTS.subList(0, 1));
        int before = storage.syncs.get();
        journal.append(FACTS.subList(1, 4));
        assertThat(storage.syncs.get()).isEqualTo(before + 1);
    }

    @Test
    void aTornTailIsDroppedWhereverItWasTornAndTheNextFactTakesItsPlace() throws Exception {
        int two = journalBytes(FACTS.subList(0, 2));
        int whole = journalBytes(FACTS.subList(0, 3));
        byte[] bytes = Arrays.copyOf(Files.readAllBytes(file), whole);
        Random random = new Random(1);
        for (int torn = two; torn < whole; torn++) {
            byte[] tail = Arrays.copyOf(Arrays.copyOf(bytes, torn), torn + random.nextInt(40));
            Files.write(file, tail);
            JournalFolder.Recovery recovery = journals.recover();
            assertThat(recovery.problems()).isEmpty();
            assertThat(recovery.sandboxes().getFirst().entries()).hasSize(2);
            recovery.sandboxes().getFirst().journal().append(List.of(STOP));
            assertThat(read()).containsExactly(FACTS.get(0), FACTS.get(1), STOP);
        }
    }

    /** Makes a journal of the facts, one after the other, and answers how many bytes they take. */
    private int journalBytes(List<SandboxFact> facts) throws Exception {
        Files.deleteIfExists(file);
        try (Journal journal = journals.create("s1", facts.subList(0, 1))) {
            for (SandboxFact fact : facts.subList(1, facts.size())) {
                journal.append(List.of(fact));
            }
        }
        return RecordFormat.parse(Files.readAllBytes(file)).end();
    }

    @Test
    void factsThatWereRecordedTogetherAreThereTogetherOrNotAtAll() throws Exception {
        int one = journalBytes(FACTS.subList(0, 1));
        journals.recover().sandboxes().getFirst().journal().append(FACTS.subList(1, 4));
        byte[] bytes = Files.readAllBytes(file);
        int whole = RecordFormat.parse(bytes).end();
        assertThat(read()).isEqualTo(FACTS.subList(0, 4));
        for (int at = one; at < whole; at++) {
            byte[] torn = bytes.clone();
            torn[at] ^= 0x40;
            Files.write(file, torn);
            JournalFolder.Recovery recovery = journals.recover();
            assertThat(recovery.problems()).as("byte %d", at).isEmpty();
            assertThat(read()).as("byte %d", at).isEqualTo(FACTS.subList(0, 1));
        }
    }

    @Test
    void anyDamagedByteInTheMiddleSetsTheFileAsideAndIsReported() throws Exception {
        journalBytes(FACTS.subList(0, 3));
        byte[] bytes = Files.readAllBytes(file);
        int middle = RecordFormat.parse(bytes).records().getFirst().payload().length;
        for (int at = 0; at < RecordFormat.HEADER_BYTES + middle; at += 3) {
            byte[] damaged = bytes.clone();
            damaged[at] ^= 0x40;
            Files.write(file, damaged);
            JournalFolder.Recovery recovery = journals.recover();
            assertThat(recovery.sandboxes()).as("byte %d", at).isEmpty();
            assertThat(recovery.problems()).singleElement().asString().contains("s1.journal", "set aside", "damaged");
            assertThat(file).doesNotExist();
            Path aside = folder.resolve("s1.journal.damaged");
            assertThat(Files.readAllBytes(aside)).isEqualTo(damaged);
            assertThat(journals.recover().problems()).isEmpty();
            Files.delete(aside);
        }
    }

    @Test
    void aFileWhoseMakingWasCutOffIsNoSandbox() throws Exception {
        for (byte[] content : List.of(
                new byte[0], new byte[3], new byte[4096], RecordFormat.header().array())) {
            Files.write(file, content);
            assertThat(read()).isEmpty();
            assertThat(file).doesNotExist();
        }
    }

    @Test
    void randomBytesNeverBreakTheReader() throws Exception {
        Random random = new Random(7);
        for (int i = 0; i < 300; i++) {
            byte[] noise = new byte[random.nextInt(300)];
            random.nextBytes(noise);
            if (random.nextBoolean() && noise.length > RecordFormat.HEADER_BYTES) {
                RecordFormat.header().get(noise, 0, RecordFormat.HEADER_BYTES);
            }
            Files.write(file, noise);
            assertThat(journals.recover().sandboxes()).isEmpty();
            Files.deleteIfExists(folder.resolve("s1.journal.damaged"));
        }
    }

    @Test
    void anEntryOfALaterReleaseIsNotGuessedAt() throws Exception {
        journalBytes(FACTS.subList(0, 1));
        int end = RecordFormat.parse(Files.readAllBytes(file)).end();
        byte[] unknownField = {(byte) 0xfa, 0x01, 0x00};
        java.nio.ByteBuffer record = java.nio.ByteBuffer.allocate(RecordFormat.size(unknownField));
        RecordFormat.put(record, RecordFormat.FACT, unknownField);
        try (var channel = java.nio.channels.FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(record.flip(), end);
        }
        assertThat(journals.recover().problems()).singleElement().asString().contains("does not know");
    }

    @Test
    void aFullDiskLeavesNothingOfANewJournal() {
        for (int room : new int[] {0, 5, 100, 4000}) {
            storage.room = room;
            assertThatThrownBy(() -> journals.create("s1", FACTS.subList(0, 1)))
                    .isInstanceOf(JournalException.class)
                    .hasMessageContaining("No space left on device")
                    .hasMessageContaining(file.toString());
            assertThat(file).doesNotExist();
        }
        storage.room = -1;
        storage.syncFails = true;
        assertThatThrownBy(() -> journals.create("s1", FACTS.subList(0, 1))).hasMessageContaining("Input/output error");
        assertThat(file).doesNotExist();
    }

    @Test
    void aFactThatCouldNotBeWrittenIsNotThereAndTheNextOneIs() throws JournalException {
        Journal journal = journals.create("s1", FACTS.subList(0, 1));
        for (int room : new int[] {0, 4, 12}) {
            storage.room = room;
            assertThatThrownBy(() -> journal.append(List.of(FACTS.get(8)))).isInstanceOf(JournalException.class);
            assertThat(read()).containsExactly(FACTS.get(0));
        }
        storage.room = -1;
        storage.syncFails = true;
        assertThatThrownBy(() -> journal.append(List.of(FACTS.get(8)))).isInstanceOf(JournalException.class);
        storage.syncFails = false;
        journal.append(List.of(STOP));
        assertThat(read()).containsExactly(FACTS.get(0), STOP);
    }

    @Test
    void aReadOnlyDiskIsNamed() {
        storage.readOnly = true;
        assertThatThrownBy(() -> journals.create("s1", FACTS)).hasMessageContaining("Read-only file system");
    }

    @Test
    void roomForTheEndOfALifeIsReservedWhenItBegins() throws Exception {
        journals.create("s1", FACTS.subList(0, 1));
        int end = RecordFormat.parse(Files.readAllBytes(file)).end();
        assertThat(Files.size(file) - end).isEqualTo(Journal.RESERVED_BYTES);
        assertThat(journalBytes(FACTS) - end).isLessThan(Journal.RESERVED_BYTES);
    }

    @Test
    void aRemovedJournalIsGone() throws Exception {
        Journal journal = journals.create("s1", FACTS);
        journal.remove();
        assertThat(file).doesNotExist();
        assertThat(read()).isEmpty();
    }

    @Test
    void aSecondJournalForOneSandboxIsRefused() throws JournalException, IOException {
        journals.create("s1", FACTS.subList(0, 1));
        assertThatThrownBy(() -> journals.create("s1", FACTS)).isInstanceOf(JournalException.class);
        assertThat(read()).containsExactly(FACTS.get(0));
    }
}
