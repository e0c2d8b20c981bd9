// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.RelayBuild;
import io.peerpod.relay.RelayClient;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionSpec;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Relay processes of one control socket, as a daemon starts them. All end with this. */
final class RelayProcesses implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    final Path folder;
    final Path control;
    private final List<Process> started = new ArrayList<>();

    RelayProcesses() throws IOException {
        folder = Files.createTempDirectory(Path.of("/tmp"), "relays-");
        control = folder.resolve("relay.sock");
    }

    /** Starts one; it may take over or not. */
    Process start(String build, String... more) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:+UseSerialGC",
                "-Xmx96m",
                "-XX:MaxDirectMemorySize=512m",
                "--enable-native-access=ALL-UNNAMED",
                "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                "-D" + RelayBuild.PROPERTY + "=" + build,
                "-cp",
                System.getProperty("java.class.path"),
                RelayMain.class.getName(),
                "-control-socket",
                control.toString()));
        command.addAll(List.of(more));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve("relay.log").toFile()))
                .start();
        started.add(process);
        return process;
    }

    /** Waits until a relay of this build serves. */
    RelayClient await(String build) throws InterruptedException, IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < deadline) {
            try {
                RelayClient client = RelayClient.connect(control);
                if (client.info().build().equals(build)) {
                    return client;
                }
                client.close();
            } catch (IOException | RelayException _) {
                // Not yet.
            }
            Thread.sleep(5);
        }
        throw new IOException("no relay of build " + build + " serves: " + log());
    }

    String log() throws IOException {
        return Files.readString(folder.resolve("relay.log"));
    }

    SessionSpec spec(int number, int port) {
        return new SessionSpec(
                "sandbox-" + number,
                folder.resolve("pods/" + number),
                List.of(InetAddress.getLoopbackAddress()),
                port,
                Optional.empty(),
                "");
    }

    @Override
    public void close() throws IOException {
        for (Process process : started) {
            process.destroyForcibly();
            try {
                process.waitFor(10, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        }
    }
}
