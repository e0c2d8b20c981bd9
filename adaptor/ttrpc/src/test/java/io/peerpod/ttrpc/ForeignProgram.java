// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program of tests/interop: built by its own tool chain, then run as a server or as a client. */
record ForeignProgram(String name, Path binary) {
    private static final Path MODULE = Path.of("").toAbsolutePath();
    private static final Path SOURCES = MODULE.resolve("../../tests/interop").normalize();
    private static final Path OUTPUT = MODULE.resolve("target/interop");
    private static final long BUILD_MINUTES = 15;

    static ForeignProgram go() throws Exception {
        Path binary = OUTPUT.resolve("go/interop");
        build("go", List.of("go", "build", "-o", binary.toString(), "."));
        return new ForeignProgram("go", binary);
    }

    static ForeignProgram rust() throws Exception {
        Path target = OUTPUT.resolve("rust");
        build("rust", List.of("cargo", "build", "--quiet", "--target-dir", target.toString()));
        return new ForeignProgram("rust", target.resolve("debug/interop"));
    }

    private static void build(String language, List<String> command) throws Exception {
        Path log = Files.createDirectories(OUTPUT).resolve(language + "-build.log");
        Process build;
        try {
            build = new ProcessBuilder(command)
                    .directory(SOURCES.resolve(language).toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
        } catch (IOException e) {
            skip("the interop cases in " + language + " are not run: the tool '" + command.getFirst()
                    + "' is not installed (" + e.getMessage() + ")");
            return;
        }
        try {
            if (!build.waitFor(BUILD_MINUTES, TimeUnit.MINUTES)) {
                throw new IllegalStateException(
                        "building " + language + " took more than " + BUILD_MINUTES + " minutes; see " + log);
            }
        } finally {
            build.destroyForcibly();
        }
        if (build.exitValue() != 0) {
            String output = Files.readString(log);
            if (isOffline(output)) {
                skip("the interop cases in " + language
                        + " are not run: its packages are not in the local cache and its registry"
                        + " cannot be reached:\n" + output.strip());
            }
            throw new IllegalStateException(String.join(" ", command) + " failed:\n" + output);
        }
    }

    private static boolean isOffline(String output) {
        return List.of("dial tcp", "no such host", "Could not resolve host", "failed to download", "Couldn't connect")
                .stream()
                .anyMatch(output::contains);
    }

    private static void skip(String why) {
        System.out.println("SKIPPED: " + why);
        abort(why);
    }

    /** A serving program; it ends when this is closed. */
    record Serving(Process process) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            process.getOutputStream().close();
            try {
                if (!process.waitFor(5, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }

    Serving serve(Path socket) throws IOException {
        Process process = new ProcessBuilder(binary.toString(), "server", socket.toString())
                .redirectError(OUTPUT.resolve(name + "-server.log").toFile())
                .start();
        // The reader stays open with the process: closing it would end the program's standard output.
        String first = new BufferedReader(process.inputReader(StandardCharsets.UTF_8)).readLine();
        if (!"serving".equals(first)) {
            process.destroyForcibly();
            throw new IOException("the " + name + " program does not serve, its first line is " + first);
        }
        return new Serving(process);
    }

    /** Runs every client case; the lines that the program printed. */
    List<String> runClient(Path socket) throws Exception {
        Path output = OUTPUT.resolve(name + "-client.log");
        Process process = new ProcessBuilder(binary.toString(), "client", socket.toString())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                throw new IllegalStateException("the " + name + " client hangs after:\n" + Files.readString(output));
            }
        } finally {
            process.destroyForcibly();
        }
        return Files.readAllLines(output);
    }
}
