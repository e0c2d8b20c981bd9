// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.node.doubles.Samples;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.SandboxLifecycle;
import io.peerpod.sandbox.SandboxState;
import io.peerpod.sandbox.StopCause;
import io.peerpod.sandbox.Trouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Journals of every release open for ever. Those of a release lie in {@code testdata/journal-<format>/<state>.hex}, one for each state;
 * {@code -Dgolden=update} adds what is missing and never changes what is there.
 */
class FrozenJournalsTest {
    private static final String FORMAT = "journal-1";
    private static final int HEX_A_LINE = 64;
    private static final Instant NOW = Instant.parse("2026-11-24T10:20:30.123456Z");
    private static final Sandbox SANDBOX = Samples.sandbox("s1");
    private static final Trouble TROUBLE = new Trouble("it did not answer", Actor.OPERATOR);
    private static final CloudFailure UNKNOWN = new CloudFailure.OutcomeUnknown("no answer");
    private static final CloudFailure CAPACITY = new CloudFailure.OutOfCapacity("none left", Actor.CLOUD);

    @TempDir
    private Path folder;

    private record Life(List<SandboxFact> facts, SandboxState state) {}

    private static Map<String, Life> lives() {
        SandboxFact prepared = new SandboxFact.Prepared(SANDBOX);
        SandboxFact intended = new SandboxFact.LaunchIntended();
        SandboxFact unknown = new SandboxFact.CreateCallFailed(UNKNOWN);
        SandboxFact launched = new SandboxFact.Launched(Samples.vm("s1"));
        SandboxFact connected = new SandboxFact.Connected();
        SandboxFact requested = new SandboxFact.StopIntended(new StopCause.Requested());
        StopCause capacity = new StopCause.LaunchFailed(CAPACITY);
        StopCause lost = new StopCause.GuestLost(TROUBLE);
        StopCause unreached = new StopCause.ConnectFailed(TROUBLE);
        StopCause orphaned = new StopCause.Orphaned(TROUBLE);
        Optional<io.peerpod.provider.PodVm> vm = Optional.of(Samples.vm("s1"));
        Map<String, Life> lives = new LinkedHashMap<>();
        lives.put("prepared", new Life(List.of(prepared), new SandboxState.Prepared(SANDBOX)));
        lives.put(
                "launching",
                new Life(List.of(prepared, intended), new SandboxState.Launching(SANDBOX, 1, true, false)));
        lives.put(
                "launching-doubtful",
                new Life(
                        List.of(prepared, intended, unknown, intended),
                        new SandboxState.Launching(SANDBOX, 2, true, true)));
        lives.put(
                "awaiting-landing",
                new Life(
                        List.of(prepared, intended, requested, unknown),
                        new SandboxState.AwaitingLanding(SANDBOX, new StopCause.Requested(), false, true)));
        lives.put(
                "connecting",
                new Life(
                        List.of(prepared, intended, launched), new SandboxState.Connecting(SANDBOX, Samples.vm("s1"))));
        lives.put(
                "ready",
                new Life(
                        List.of(prepared, intended, launched, connected),
                        new SandboxState.Ready(SANDBOX, Samples.vm("s1"))));
        lives.put(
                "stopping-launch-failed",
                new Life(
                        List.of(
                                prepared,
                                intended,
                                new SandboxFact.CreateCallFailed(CAPACITY),
                                new SandboxFact.StopIntended(capacity)),
                        new SandboxState.Stopping(SANDBOX, capacity, Optional.empty(), false, false)));
        lives.put(
                "stopping-connect-failed",
                new Life(
                        List.of(prepared, intended, launched, new SandboxFact.StopIntended(unreached)),
                        new SandboxState.Stopping(SANDBOX, unreached, vm, false, false)));
        lives.put(
                "stopping-vm-gone",
                new Life(
                        List.of(
                                prepared,
                                intended,
                                launched,
                                connected,
                                new SandboxFact.StopIntended(lost),
                                new SandboxFact.VmDeleted()),
                        new SandboxState.Stopping(SANDBOX, lost, vm, true, false)));
        lives.put(
                "stopping-released",
                new Life(
                        List.of(
                                prepared,
                                intended,
                                launched,
                                connected,
                                new SandboxFact.StopIntended(orphaned),
                                new SandboxFact.Cleaned()),
                        new SandboxState.Stopping(SANDBOX, orphaned, vm, false, true)));
        lives.put(
                "stopping-landed",
                new Life(
                        List.of(prepared, intended, requested, new SandboxFact.Landed(vm)),
                        new SandboxState.Stopping(SANDBOX, new StopCause.Requested(), vm, false, false)));
        return lives;
    }

    @Test
    void aJournalOfEveryStateStillOpensAsThatState() throws Exception {
        Path frozen = testData();
        if ("update".equals(System.getProperty("golden"))) {
            freeze(frozen);
        }
        int states = 0;
        for (Map.Entry<String, Life> life : lives().entrySet()) {
            Path file = frozen.resolve(life.getKey() + ".hex");
            Files.createDirectories(folder);
            Files.write(folder.resolve("s1.journal"), bytes(file));
            JournalFolder.Recovery recovery = new JournalFolder(folder, new DiskStorage(), Clock.systemUTC()).recover();
            assertThat(recovery.problems()).as(life.getKey()).isEmpty();
            SandboxState state = new SandboxState.Absent();
            for (JournalEntry entry : recovery.sandboxes().getFirst().entries()) {
                state = SandboxLifecycle.evolve(state, entry.fact());
                assertThat(entry.recordedAt()).isEqualTo(NOW);
            }
            assertThat(state).as(life.getKey()).isEqualTo(life.getValue().state());
            states++;
        }
        assertThat(states).isGreaterThan(10);
    }

    @Test
    void theStagesOfAFrozenJournalAreRead() throws Exception {
        Path file = testData().resolve("stages.hex");
        if ("update".equals(System.getProperty("golden")) && !Files.exists(file)) {
            JournalFolder journals = new JournalFolder(folder, new DiskStorage(), Clock.fixed(NOW, ZoneOffset.UTC));
            journals.recover();
            try (Journal journal = journals.create("s1", List.of(new SandboxFact.Prepared(SANDBOX)))) {
                journal.note(Note.of(Stage.START_REQUESTED, ""));
                journal.note(Note.of(Stage.CLOUD_CREATE_ANSWERED, "vm-1 192.0.2.1", Duration.ofMillis(12)));
                journal.note(Note.failed(Stage.AGENT_ANSWERED, "192.0.2.1", new Note.Failure("TLS", "no", Actor.US)));
            }
            write(file, Files.readAllBytes(folder.resolve("s1.notes")));
        }
        Files.createDirectories(folder);
        Files.write(folder.resolve("s1.notes"), bytes(file));
        List<NoteEntry> notes = NotesFile.read(folder.resolve("s1.notes"), new DiskStorage());
        assertThat(notes)
                .extracting(entry -> entry.note().stage())
                .containsExactly(Stage.START_REQUESTED, Stage.CLOUD_CREATE_ANSWERED, Stage.AGENT_ANSWERED);
        assertThat(notes.get(1).note().took()).contains(Duration.ofMillis(12));
        assertThat(notes.get(2).note().failure()).contains(new Note.Failure("TLS", "no", Actor.US));
    }

    private void freeze(Path frozen) throws Exception {
        Files.createDirectories(frozen);
        for (Map.Entry<String, Life> life : lives().entrySet()) {
            Path file = frozen.resolve(life.getKey() + ".hex");
            if (!Files.exists(file)) {
                Path made = folder.resolve(life.getKey());
                JournalFolder journals = new JournalFolder(made, new DiskStorage(), Clock.fixed(NOW, ZoneOffset.UTC));
                journals.recover();
                List<SandboxFact> facts = new ArrayList<>(life.getValue().facts());
                try (Journal journal = journals.create("s1", facts.subList(0, 1))) {
                    for (SandboxFact fact : facts.subList(1, facts.size())) {
                        journal.append(List.of(fact));
                    }
                }
                byte[] whole = Files.readAllBytes(made.resolve("s1.journal"));
                // The room that is reserved behind the records is zeros.
                write(
                        file,
                        java.util.Arrays.copyOf(whole, RecordFormat.parse(whole).end() + 16));
            }
        }
    }

    private static void write(Path file, byte[] bytes) throws IOException {
        Files.createDirectories(Optional.ofNullable(file.getParent()).orElseThrow());
        String hex = HexFormat.of().formatHex(bytes);
        StringBuilder text = new StringBuilder();
        for (int at = 0; at < hex.length(); at += HEX_A_LINE) {
            text.append(hex, at, Math.min(hex.length(), at + HEX_A_LINE)).append('\n');
        }
        Files.writeString(file, text);
    }

    private static byte[] bytes(Path file) throws IOException {
        return HexFormat.of().parseHex(Files.readString(file).replaceAll("\\s", ""));
    }

    private static Path testData() {
        Path module = Path.of("").toAbsolutePath();
        while (!Files.exists(module.resolve("mvnw"))) {
            module = Optional.ofNullable(module.getParent()).orElseThrow();
        }
        return module.resolve("adaptor/node/src/test/resources/testdata").resolve(FORMAT);
    }
}
