// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import io.peerpod.options.Installation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The node daemon with its relay as processes of the distribution, on the local cloud. The daemon gets a session of its own, so that a
 * Ctrl-C at the terminal reaches whoever started it and not the daemon.
 */
public final class NodeProcess implements AutoCloseable {
    /** Where the daemon listens unless it is told otherwise. */
    public static final Path SOCKET = Path.of("/run/peerpod/hypervisor.sock");

    /** The main class of the relay, by which its process is found. */
    public static final String RELAY_CLASS = "io.peerpod.relay.host.RelayMain";

    private static final Duration START_LIMIT = Duration.ofMinutes(1);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(15);
    private static final int LOG_LINES = 15;

    private final Process process;
    private final Path log;
    private final Duration served;

    private NodeProcess(Process process, Path log, Duration served) {
        this.process = process;
        this.log = log;
        this.served = served;
    }

    /**
     * Starts {@code cloud-api-adaptor local} and waits until it answers.
     *
     * @param installation whose programs run
     * @param environment added to this process's own
     * @param log gets what the daemon prints
     * @throws IOException when it ends or does not answer; with the end of its log
     */
    public static NodeProcess start(
            Installation installation, Map<String, String> environment, Path log, String... flags)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("setsid"));
        command.addAll(installation.command("cloud-api-adaptor"));
        command.add("local");
        command.addAll(List.of(flags));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .redirectInput(Path.of("/dev/null").toFile());
        builder.environment().putAll(environment);
        long before = System.nanoTime();
        Process process = builder.start();
        try {
            awaitAnswer(process, log);
        } catch (IOException | InterruptedException e) {
            process.destroyForcibly();
            throw e;
        }
        return new NodeProcess(process, log, Duration.ofNanos(System.nanoTime() - before));
    }

    private static void awaitAnswer(Process process, Path log) throws IOException, InterruptedException {
        long end = System.nanoTime() + START_LIMIT.toNanos();
        try (HypervisorClient client = new HypervisorClient(SOCKET, ShimHabits.GO)) {
            while (true) {
                try {
                    client.version();
                    return;
                } catch (IOException | WireStatusException e) {
                    if (!process.isAlive() || System.nanoTime() > end) {
                        throw new IOException(
                                "the daemon " + (process.isAlive() ? "does not answer" : "ended")
                                        + ". The end of its log, " + log + ":\n" + tail(log),
                                e);
                    }
                    TimeUnit.MILLISECONDS.sleep(1);
                }
            }
        }
    }

    /** The last lines of a log. */
    public static String tail(Path log) throws IOException {
        if (!Files.exists(log)) {
            return "(empty)";
        }
        List<String> lines = Files.readAllLines(log);
        return String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()));
    }

    /** From its exec to its first answer. */
    public Duration served() {
        return served;
    }

    /** The daemon's process id. */
    public long pid() {
        return process.pid();
    }

    /** What it printed. */
    public Path log() {
        return log;
    }

    /** Asks the daemon to end, then its relay, which would live on without it; kills what does not end. */
    @Override
    public void close() throws IOException {
        try {
            stop(process.toHandle());
            for (WorldProcesses.Running relay : WorldProcesses.matching(RELAY_CLASS)) {
                ProcessHandle.of(relay.pid()).ifPresent(NodeProcess::stopQuietly);
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private static void stopQuietly(ProcessHandle handle) {
        try {
            stop(handle);
        } catch (InterruptedException e) {
            handle.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private static void stop(ProcessHandle handle) throws InterruptedException {
        handle.destroy();
        long end = System.nanoTime() + STOP_LIMIT.toNanos();
        while (handle.isAlive()) {
            if (System.nanoTime() > end) {
                handle.destroyForcibly();
                return;
            }
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }
}
