// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import io.peerpod.options.Installation;
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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The relay beside this daemon: found running, or started. It outlives the daemon, and nobody here ever stops it. */
public final class RelayProcess {
    private static final String APP = "peerpod-relay";
    private static final String MAIN = "io.peerpod.relay.host.RelayMain";
    private static final Duration START_BUDGET = Duration.ofSeconds(20);
    private static final Duration POLL = Duration.ofMillis(10);
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
                process = start();
                started = process;
            }
            while (System.nanoTime() < deadline) {
                Optional<RelayClient> client = tryConnect();
                if (client.isPresent()) {
                    return client.get();
                }
                if (!process.isAlive()) {
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

    private Optional<RelayClient> tryConnect() {
        if (!Files.exists(socket)) {
            return Optional.empty();
        }
        try {
            RelayClient client = RelayClient.connect(socket);
            try {
                client.info();
                return Optional.of(client);
            } catch (RelayException e) {
                client.close();
                return Optional.empty();
            }
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private Process start() throws IOException {
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
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().remove("NOTIFY_SOCKET");
        builder.redirectInput(new File("/dev/null"));
        builder.redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(logFile.toFile()));
        Process process = builder.start();
        log.atInfo().addKeyValue("pid", process.pid()).log("started the relay process");
        return process;
    }
}
