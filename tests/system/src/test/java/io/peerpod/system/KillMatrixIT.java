// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.doubles.ContainerRequest;
import io.peerpod.doubles.HypervisorClient;
import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.PodRequest;
import io.peerpod.doubles.PodVms;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimObserver;
import io.peerpod.doubles.ShimProcess;
import io.peerpod.doubles.WireStatusException;
import io.peerpod.doubles.WorldProcesses;
import io.peerpod.node.journal.DiskStorage;
import io.peerpod.node.journal.JournalReader;
import io.peerpod.node.journal.JournalReader.Recording;
import io.peerpod.node.journal.Stage;
import io.peerpod.sandbox.SandboxFact;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Each process that a pod stands on is killed with SIGKILL at each step of a pod's life, on the local cloud with the programs of the distribution. Nothing may be left afterwards; no pod may
 * be lost to the death of the daemon or the forwarder; where the relay or the VM itself dies, the pod ends at once and in words.
 */
class KillMatrixIT {
    private static final Duration IN_WORDS = Duration.ofSeconds(5);
    private static final Path JOURNALS = Path.of("/run/peerpod/state/journal");
    private static final String FORWARDER_CLASS = "io.peerpod.forwarder.ForwarderMain";

    private @Nullable World world;

    @AfterEach
    void takeWorldAway() throws Exception {
        if (world != null) {
            world.close();
        }
    }

    /** Who is killed. */
    enum Victim {
        DAEMON,
        RELAY,
        FORWARDER,
        POD_VM
    }

    /** When it is killed: as soon as the journal shows the stage. */
    private enum Step {
        PREPARED(null),
        START_REQUESTED(Stage.START_REQUESTED),
        CLOUD_CREATE_BEGUN(Stage.CLOUD_CREATE_BEGUN),
        CLOUD_CREATE_ANSWERED(Stage.CLOUD_CREATE_ANSWERED),
        TUNNEL_UP(Stage.TUNNEL_UP),
        DIAL_BEGUN(Stage.DIAL_BEGUN),
        PORT_OPEN(Stage.PORT_OPEN),
        TLS_DONE(Stage.TLS_DONE),
        RUNNING(null),
        STOP_REQUESTED(Stage.STOP_REQUESTED),
        DELETE_ASKED(Stage.DELETE_ASKED);

        private final @Nullable Stage stage;

        Step(@Nullable Stage stage) {
            this.stage = stage;
        }

        boolean starting() {
            return compareTo(PREPARED) > 0 && compareTo(RUNNING) < 0;
        }

        boolean stopping() {
            return compareTo(RUNNING) > 0;
        }

        /** Whether there is such a process by then. */
        boolean finds(Victim victim) {
            return switch (victim) {
                case DAEMON, RELAY -> true;
                case POD_VM -> compareTo(CLOUD_CREATE_ANSWERED) >= 0 && compareTo(STOP_REQUESTED) <= 0;
                case FORWARDER -> compareTo(PORT_OPEN) >= 0 && compareTo(STOP_REQUESTED) <= 0;
            };
        }
    }

    @ParameterizedTest
    @EnumSource(Victim.class)
    void nothingIsLeftWhoeverDiesAtWhateverStep(Victim victim) throws Exception {
        World worker = World.start(Map.of());
        world = worker;
        List<String> table = new ArrayList<>();
        List<String> wrong = new ArrayList<>();
        int number = 0;
        for (Step step : Step.values()) {
            if (!step.finds(victim)) {
                continue;
            }
            Cell cell = new Cell(worker, victim, step, number++);
            String outcome;
            try {
                outcome = cell.play();
            } catch (IOException | WireStatusException | ExecutionException | AssertionError e) {
                outcome = "WRONG: " + e.getMessage();
                wrong.add(step + ": " + e);
            }
            List<String> left = worker.sandboxesLeft();
            if (!left.isEmpty()) {
                wrong.add(step + " left " + left);
            }
            table.add(String.format("%-10s %-22s %-60s leftovers %d", victim, step, outcome, left.size()));
        }
        table.forEach(System.out::println);
        assertThat(wrong).isEmpty();
        assertThat(worker.leftovers()).isEmpty();
    }

    /** One pod, one kill. */
    private static final class Cell {
        private final World worker;
        private final Victim victim;
        private final Step step;
        private final PodRequest pod;
        private final KataShim shim;

        Cell(World worker, Victim victim, Step step, int number) throws IOException {
            this.worker = worker;
            this.victim = victim;
            this.step = step;
            String name = "matrix-" + number;
            pod = PodRequest.of(name, worker.world().pods().add(name, PodAddresses.IPV4.of(number)));
            shim = new KataShim(ShimHabits.GO, NodeProcess.SOCKET, pod, ShimObserver.NONE);
        }

        String play() throws IOException, WireStatusException, InterruptedException, ExecutionException {
            try (shim) {
                if (step == Step.PREPARED) {
                    shim.createVm();
                    kill();
                    return served(asked(() -> hypervisor(client -> client.startVm(pod.sandboxId()))));
                }
                shim.createVm();
                if (step.starting()) {
                    CompletableFuture<Optional<String>> start =
                            later(() -> hypervisor(client -> client.startVm(pod.sandboxId())));
                    awaitStage(start);
                    kill();
                    return served(start.get());
                }
                shim.startVm();
                shim.connect();
                shim.startSandbox();
                ShimProcess lines = shim.run(ContainerRequest.of(
                        "lines", "/bin/sh", "-c", "while read line; do echo got $line; done; exit 3"));
                say(lines, "one");
                return step.stopping() ? killedWhileStopping() : killedWhileRunning(lines);
            } finally {
                hypervisor(client -> client.stopVm(pod.sandboxId()));
            }
        }

        /** What a shim meets whose StartVM was under way; whoever may not be lost is asked for again, and must come. */
        private String served(Optional<String> failure) throws IOException, WireStatusException, InterruptedException {
            if (failure.isPresent() && (victim == Victim.POD_VM || victim == Victim.RELAY)) {
                assertThat(failure.get()).as("words of the failure").hasSizeGreaterThan(20);
                return "StartVM failed in words: " + firstWords(failure.get());
            }
            if (failure.isPresent()) {
                hypervisor(client -> client.startVm(pod.sandboxId()));
            }
            try {
                shim.connect();
                shim.startSandbox();
                ShimProcess echo = shim.run(ContainerRequest.of("echo", "/bin/sh", "-c", "echo alive; exit 4"));
                assertThat(echo.awaitExit(World.PATIENCE)).isEqualTo(4);
                shim.stop();
            } catch (IOException | WireStatusException e) {
                // A forwarder that is killed amid a message cannot tell whether the agent has it, so the pod ends.
                if (victim != Victim.DAEMON) {
                    return "StartVM was answered just before, then " + endedInWords(System.nanoTime());
                }
                throw e;
            }
            return failure.isPresent() ? "asked again, the pod runs" : "StartVM succeeds, the pod runs";
        }

        private String killedWhileRunning(ShimProcess lines)
                throws IOException, WireStatusException, InterruptedException {
            if (victim == Victim.FORWARDER) {
                TimeUnit.SECONDS.sleep(1); // until nothing is under way; see docs/reliability.md
            }
            long before = System.nanoTime();
            kill();
            if (victim == Victim.DAEMON || victim == Victim.FORWARDER) {
                say(lines, "two");
                assertThat(lines.stdout()).isEqualTo("got one\ngot two\n");
                shim.stop();
                return "the pod runs on, no call failed";
            }
            return endedInWords(before);
        }

        private String endedInWords(long killedNanos) throws IOException, InterruptedException {
            while (lastWords().isEmpty()) {
                if (System.nanoTime() - killedNanos > IN_WORDS.toNanos()) {
                    throw new IOException("after " + IN_WORDS + " the pod has not ended");
                }
                TimeUnit.MILLISECONDS.sleep(10);
            }
            Duration took = Duration.ofNanos(System.nanoTime() - killedNanos);
            return "ended after " + took.toMillis() + " ms: "
                    + firstWords(lastWords().get());
        }

        private String killedWhileStopping() throws IOException, InterruptedException, ExecutionException {
            CompletableFuture<Optional<String>> stop =
                    later(() -> hypervisor(client -> client.stopVm(pod.sandboxId())));
            awaitStage(stop);
            kill();
            Optional<String> failure = stop.get();
            return failure.isPresent() ? "StopVM cut off, the VM goes all the same" : "StopVM answered, the VM goes";
        }

        private void say(ShimProcess lines, String word) throws IOException, WireStatusException, InterruptedException {
            lines.writeStdin((word + "\n").getBytes(StandardCharsets.UTF_8));
            lines.awaitOutput("got " + word, World.PATIENCE);
        }

        private void awaitStage(CompletableFuture<?> call) throws IOException, InterruptedException {
            while (recording().stream()
                    .noneMatch(each ->
                            each.notes().stream().anyMatch(note -> note.note().stage() == step.stage))) {
                if (call.isDone()) {
                    return; // The step was passed between two looks; the kill comes as early after it as it can.
                }
                TimeUnit.MICROSECONDS.sleep(500);
            }
        }

        private Optional<Recording> recording() throws IOException {
            return new JournalReader(JOURNALS, new DiskStorage())
                    .read().stream()
                            .filter(each -> each.sandboxId().equals(pod.sandboxId()))
                            .findFirst();
        }

        /** Why the sandbox was ended without a shim's wish; empty as long as it was not. */
        private Optional<String> lastWords() throws IOException {
            return recording().stream()
                    .flatMap(each -> each.facts().stream())
                    .map(entry -> entry.fact())
                    .filter(SandboxFact.StopIntended.class::isInstance)
                    .map(String::valueOf)
                    .findFirst();
        }

        private void kill() throws IOException, InterruptedException {
            switch (victim) {
                case DAEMON -> {
                    try {
                        worker.killAndRestartNode();
                    } catch (IOException | InterruptedException e) {
                        throw e;
                    } catch (Exception e) {
                        throw new IOException(e);
                    }
                }
                case RELAY -> killAll(WorldProcesses.matching(NodeProcess.RELAY_CLASS));
                case FORWARDER -> killAll(WorldProcesses.matching(FORWARDER_CLASS));
                case POD_VM -> killAll(PodVms.running());
            }
        }

        private void killAll(List<WorldProcesses.Running> running) throws IOException {
            if (running.isEmpty() && !step.stopping()) {
                throw new IOException("there is no " + victim + " to kill");
            }
            for (WorldProcesses.Running one : running) {
                ProcessHandle.of(one.pid()).ifPresent(ProcessHandle::destroyForcibly);
            }
        }
    }

    private static String firstWords(String text) {
        String line = text.replaceAll("\\s+", " ");
        return line.length() > 150 ? line.substring(0, 150) + "..." : line;
    }

    private interface Call {
        void on(HypervisorClient client) throws IOException, WireStatusException, InterruptedException;
    }

    private interface Action {
        void run() throws IOException, WireStatusException, InterruptedException;
    }

    private static void hypervisor(Call call) throws IOException, WireStatusException, InterruptedException {
        try (HypervisorClient client = new HypervisorClient(NodeProcess.SOCKET, ShimHabits.GO)) {
            call.on(client);
        }
    }

    /** The failure of a call in words, or empty. */
    private static Optional<String> asked(Action step) throws InterruptedException {
        try {
            step.run();
            return Optional.empty();
        } catch (IOException | WireStatusException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private static CompletableFuture<Optional<String>> later(Action step) {
        CompletableFuture<Optional<String>> outcome = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> {
            try {
                outcome.complete(asked(step));
            } catch (InterruptedException | RuntimeException e) {
                outcome.completeExceptionally(e);
            }
        });
        return outcome;
    }
}
