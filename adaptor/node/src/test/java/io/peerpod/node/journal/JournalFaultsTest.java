// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.node.doubles.Samples;
import io.peerpod.sandbox.SandboxFact;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * One life's journal with a fault at every single operation of the disk, before it, in the middle of it, and after it: refused with an error, or killed. What was
 * acknowledged is there afterwards, what was not is there or not but never half, and the next daemon can go on.
 */
class JournalFaultsTest {
    private static final List<SandboxFact> FACTS = Samples.facts("s1");
    private static final List<List<SandboxFact>> LIFE = List.of(
            FACTS.subList(0, 1), FACTS.subList(1, 2), FACTS.subList(2, 4), FACTS.subList(8, 9), FACTS.subList(10, 11));
    private static final List<SandboxFact> LAST = List.of(new SandboxFact.VmDeleted(), new SandboxFact.Ended());

    @TempDir
    private Path temporary;

    private enum Fault {
        ERROR,
        KILL
    }

    private enum Moment {
        BEFORE,
        HALF_WAY,
        AFTER
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** A disk whose n-th operation goes wrong. */
    private static final class Faulty implements JournalStorage {
        private final JournalStorage disk = new DiskStorage();
        private final Fault fault;
        private final Moment moment;
        private int left;
        private boolean happened;

        Faulty(int operation, Fault fault, Moment moment) {
            this.left = operation;
            this.fault = fault;
            this.moment = moment;
        }

        private interface Operation {
            void run() throws IOException;
        }

        private void go(Operation half, Operation whole) throws IOException {
            if (happened || left-- > 0) {
                whole.run();
                return;
            }
            happened = true;
            switch (moment) {
                case BEFORE -> {}
                case HALF_WAY -> half.run();
                case AFTER -> whole.run();
            }
            if (fault == Fault.KILL) {
                throw new Killed();
            }
            throw new IOException("No space left on device");
        }

        @Override
        public void makeFolder(Path folder) throws IOException {
            disk.makeFolder(folder);
        }

        @Override
        public List<String> list(Path folder) throws IOException {
            return disk.list(folder);
        }

        @Override
        public byte[] read(Path file) throws IOException {
            return disk.read(file);
        }

        @Override
        public Handle create(Path file) throws IOException {
            go(() -> {}, () -> disk.create(file).close());
            return handle(disk.open(file));
        }

        @Override
        public Handle open(Path file) throws IOException {
            go(() -> {}, () -> {});
            return handle(disk.open(file));
        }

        private Handle handle(Handle open) {
            return new Handle() {
                @Override
                public void write(long offset, ByteBuffer data) throws IOException {
                    ByteBuffer half = data.slice(data.position(), data.remaining() / 2);
                    go(() -> open.write(offset, half), () -> open.write(offset, data.slice()));
                }

                @Override
                public void sync() throws IOException {
                    go(() -> {}, open::sync);
                }

                @Override
                public void close() {
                    open.close();
                }
            };
        }

        @Override
        public void rename(Path from, Path to) throws IOException {
            go(() -> {}, () -> disk.rename(from, to));
        }

        @Override
        public void delete(Path file) throws IOException {
            go(() -> {}, () -> disk.delete(file));
        }

        @Override
        public void syncFolder(Path folder) throws IOException {
            go(() -> {}, () -> disk.syncFolder(folder));
        }
    }

    @Test
    void nothingThatWasAcknowledgedIsLostAndNothingIsHalf() throws Exception {
        for (Fault fault : Fault.values()) {
            for (Moment moment : Moment.values()) {
                int operation = 0;
                while (life(operation, fault, moment)) {
                    operation++;
                }
                assertThat(operation).as("operations of a life").isGreaterThan(15);
            }
        }
    }

    /** Lives a life with one fault; answers whether the fault happened. */
    private boolean life(int operation, Fault fault, Moment moment) throws Exception {
        Path folder = temporary.resolve(fault + "-" + moment + "-" + operation);
        Faulty storage = new Faulty(operation, fault, moment);
        List<SandboxFact> acknowledged = new ArrayList<>();
        List<SandboxFact> attempted = new ArrayList<>();
        boolean ended = false;
        try {
            JournalFolder journals = new JournalFolder(folder, storage, Clock.systemUTC());
            recover(journals);
            @Nullable Journal journal = null;
            for (List<SandboxFact> facts : LIFE) {
                attempted = new ArrayList<>(acknowledged);
                attempted.addAll(facts);
                journal = written(journals, journal, facts);
                acknowledged.addAll(facts);
            }
            end(Objects.requireNonNull(journal));
            ended = true;
        } catch (Killed e) {
            assertThat(fault).isEqualTo(Fault.KILL);
        }
        check(folder, acknowledged, attempted, ended, "operation " + operation + " " + moment + " " + fault);
        remove(folder);
        return storage.happened;
    }

    private static void recover(JournalFolder journals) throws JournalException {
        try {
            journals.recover();
        } catch (JournalException e) {
            assertThat(e).hasMessageContaining("No space left on device");
            journals.recover();
        }
    }

    /** What fails is refused in words, and can be tried again. */
    private static Journal written(JournalFolder journals, @Nullable Journal journal, List<SandboxFact> facts)
            throws JournalException {
        try {
            return write(journals, journal, facts);
        } catch (JournalException e) {
            assertThat(e).hasMessageContaining("s1.journal").hasMessageContaining("No space left on device");
            return write(journals, journal, facts);
        }
    }

    private static Journal write(JournalFolder journals, @Nullable Journal journal, List<SandboxFact> facts)
            throws JournalException {
        if (journal == null) {
            return journals.create("s1", facts);
        }
        journal.note(Note.of(Stage.VM_CHECKED, "between the facts"));
        journal.append(facts);
        return journal;
    }

    private static void end(Journal journal) throws JournalException {
        try {
            journal.end(LAST);
        } catch (JournalException e) {
            assertThat(e).hasMessageContaining("s1.journal");
            journal.end(LAST);
        }
    }

    private static void check(
            Path folder, List<SandboxFact> acknowledged, List<SandboxFact> attempted, boolean ended, String when)
            throws Exception {
        JournalFolder next = new JournalFolder(folder, new DiskStorage(), Clock.systemUTC());
        JournalFolder.Recovery recovery = next.recover();
        assertThat(recovery.problems()).as(when).isEmpty();
        if (ended) {
            assertThat(recovery.sandboxes()).as(when).isEmpty();
            return;
        }
        if (recovery.sandboxes().isEmpty()) {
            // Nothing was acknowledged, or everything was and the file was just removed.
            assertThat(acknowledged.isEmpty() || acknowledged.size() == attempted.size())
                    .as(when)
                    .isTrue();
            return;
        }
        JournalFolder.Recovered found = recovery.sandboxes().getFirst();
        List<SandboxFact> facts =
                found.entries().stream().map(JournalEntry::fact).toList();
        assertThat(facts).as(when).hasSizeBetween(acknowledged.size(), attempted.size());
        assertThat(facts).as(when).isEqualTo(attempted.subList(0, facts.size()));
        found.journal().settle();
        found.journal().append(FACTS.subList(10, 11));
        List<SandboxFact> more = new ArrayList<>(facts);
        more.add(FACTS.get(10));
        assertThat(next.recover().sandboxes().getFirst().entries())
                .extracting(JournalEntry::fact)
                .isEqualTo(more);
    }

    @Test
    void aJournalThatCannotBeReadKeepsNoOtherFromBeingContinued() throws Exception {
        Path folder = temporary.resolve("journal");
        JournalFolder journals = new JournalFolder(folder, new DiskStorage(), Clock.systemUTC());
        journals.recover();
        journals.create("s1", FACTS.subList(0, 1)).close();
        // A folder in the place of a file: read fails with an error of the disk.
        Files.createDirectory(folder.resolve("s0.journal"));
        JournalFolder.Recovery recovery = journals.recover();
        assertThat(recovery.sandboxes())
                .extracting(JournalFolder.Recovered::sandboxId)
                .containsExactly("s1");
        assertThat(recovery.problems()).singleElement().asString().contains("s0.journal", "left alone");
        assertThat(journals.setAside()).containsExactly("s0");
    }

    private static void remove(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
