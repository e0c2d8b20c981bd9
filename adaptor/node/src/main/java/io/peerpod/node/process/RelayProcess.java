// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import io.peerpod.options.Installation;
import io.peerpod.relay.RelayBuild;
import io.peerpod.relay.RelayClient;
import io.peerpod.relay.RelayException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The relay beside this daemon: found running, or started. It outlives the daemon, and nobody here ever stops it. */
public final class RelayProcess {
    private static final String APP = "peerpod-relay";
    private static final String MAIN = "io.peerpod.relay.host.RelayMain";
    private static final Duration START_BUDGET = Duration.ofSeconds(20);
    private static final Duration POLL = Duration.ofMillis(10);
    /** For a new relay to start, to rehearse, and to take over. */
    private static final Duration TAKE_OVER_BUDGET = Duration.ofSeconds(60);

    private static final Duration POLL_TAKE_OVER = Duration.ofMillis(200);

    /** A relay that is just replaced takes connections and leaves them without an answer. */
    private static final int CONNECT_ATTEMPTS = 20;

    /** A log that grew beyond this is started anew when a relay is started. */
    private static final long MAX_LOG_BYTES = 16L << 20;

    private static final Logger log = LoggerFactory.getLogger(RelayProcess.class);

    private final Path socket;
    private final Path logFile;
    private final List<String> command;
    private @Nullable Process started;

    private RelayProcess(Path socket, Path logFile, List<String> command) {
        this.socket = socket;
        this.logFile = logFile;
        this.command = command;
    }

    /** The relay of a state folder, started with the program of this installation, or else with this process's own class path. */
    public static RelayProcess of(Path stateFolder) {
        Path socket = stateFolder.resolve("relay.sock");
        List<String> command = new ArrayList<>(
                Installation.current().map(home -> home.command(APP)).orElseGet(RelayProcess::ownJava));
        command.addAll(List.of("-control-socket", socket.toString()));
        return new RelayProcess(socket, stateFolder.resolve("relay.log"), command);
    }

    private static List<String> ownJava() {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-D" + RelayBuild.PROPERTY + "=" + System.getProperty(RelayBuild.PROPERTY, ""),
                "--enable-native-access=ALL-UNNAMED",
                "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                MAIN);
    }

    /**
     * Connects to the running relay, or starts one.
     *
     * @throws RelayException when there is none and none could be started
     */
    RelayClient connect() throws RelayException, InterruptedException {
        Optional<RelayClient> running = tryConnect();
        if (running.isPresent()) {
            return running.get();
        }
        long deadline = System.nanoTime() + START_BUDGET.toNanos();
        try {
            Process process = started;
            if (process == null || !process.isAlive()) {
                process = start(List.of());
                started = process;
            }
            while (System.nanoTime() < deadline) {
                Optional<RelayClient> client = tryConnect();
                if (client.isPresent()) {
                    return client.get();
                }
                // One that ends well found another relay that serves.
                if (!process.isAlive() && process.exitValue() != 0) {
                    throw new RelayException(
                            RelayException.Failure.RELAY_GONE,
                            "the relay process ended with exit code " + process.exitValue() + " before it served "
                                    + socket + "; " + logFile + " says why");
                }
                Thread.sleep(POLL);
            }
        } catch (IOException e) {
            throw new RelayException(
                    RelayException.Failure.RELAY_GONE,
                    "the relay process cannot be started (" + command.getFirst() + "): " + e.getMessage(),
                    e);
        }
        throw new RelayException(
                RelayException.Failure.RELAY_GONE,
                "the relay process does not serve " + socket + " after " + START_BUDGET.toSeconds() + " s; " + logFile
                        + " says why");
    }

    private Optional<RelayClient> tryConnect() throws InterruptedException {
        for (int attempt = 0; attempt < CONNECT_ATTEMPTS && Files.exists(socket); attempt++) {
            RelayClient client;
            try {
                client = RelayClient.connect(socket);
            } catch (IOException e) {
                return Optional.empty(); // Nobody listens.
            }
            try {
                client.info();
                return Optional.of(client);
            } catch (RelayException e) {
                client.close();
                Thread.sleep(POLL);
            }
        }
        return Optional.empty();
    }

    /**
     * Starts a relay of this installation that takes everything over from the running one, and waits until it has.
     *
     * @throws RelayException in words, when the running one stays
     */
    void takeOver() throws RelayException, InterruptedException {
        try {
            Process process = start(List.of("-take-over"));
            long deadline = System.nanoTime() + TAKE_OVER_BUDGET.toNanos();
            while (System.nanoTime() < deadline) {
                Optional<RelayClient> client = tryConnect();
                if (client.isPresent()) {
                    try (RelayClient asked = client.get()) {
                        if (asked.info().processId() == process.pid()) {
                            started = process;
                            return;
                        }
                    }
                }
                if (process.waitFor(POLL_TAKE_OVER.toMillis(), TimeUnit.MILLISECONDS)) {
                    throw new RelayException(
                            RelayException.Failure.RELAY_GONE,
                            "the new relay ended with exit code " + process.exitValue() + " and took nothing over; "
                                    + logFile + " says why");
                }
            }
            process.destroyForcibly();
            throw new RelayException(
                    RelayException.Failure.RELAY_GONE,
                    "the new relay did not take over within " + TAKE_OVER_BUDGET.toSeconds() + " s; " + logFile
                            + " says why");
        } catch (IOException e) {
            throw new RelayException(
                    RelayException.Failure.RELAY_GONE,
                    "a new relay cannot be started (" + command.getFirst() + "): " + e.getMessage(),
                    e);
        }
    }

    private Process start(List<String> more) throws IOException {
        if (Files.exists(logFile) && Files.size(logFile) > MAX_LOG_BYTES) {
            Files.move(
                    logFile,
                    logFile.resolveSibling(logFile.getFileName() + ".1"),
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
        if (!Files.exists(logFile)) {
            Files.createFile(
                    logFile, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        }
        List<String> whole = new ArrayList<>(command);
        whole.addAll(more);
        ProcessBuilder builder = new ProcessBuilder(whole);
        builder.environment().remove("NOTIFY_SOCKET");
        builder.redirectInput(new File("/dev/null"));
        builder.redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(logFile.toFile()));
        Process process = builder.start();
        log.atInfo().addKeyValue("pid", process.pid()).log("started the relay process");
        return process;
    }
}
