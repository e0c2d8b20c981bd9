// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A VM that is being made: {@code bootstrap.sh} in namespaces of its own, waiting for its next step. Until {@link #becomeInit} it ends
 * when this process ends, since its input ends then. The commands of util-linux make the namespaces, because a thread of this process
 * that did would hand them on to every thread that the JDK starts from it.
 */
final class VmProcess implements AutoCloseable {
    /** The variable that marks every process of a VM, with {@link VmStore#marker}. */
    static final String MARKER = "PEERPOD_LOCAL_VM";

    /** How long the shell may take for one step; it mounts a file system at most. */
    private static final Duration STEP_LIMIT = Duration.ofSeconds(20);

    private static final String SCRIPT = script();

    /** The end of the answers. */
    private static final String END = "";

    private final Process process;
    private final OutputStream steps;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private int open;

    private VmProcess(Process process) {
        this.process = process;
        this.steps = process.getOutputStream();
        // A blocking read cannot be interrupted, so a thread of its own does it; it ends with the shell or its exec.
        Thread.ofPlatform().daemon().name("local-vm-" + process.pid()).start(this::readAnswers);
    }

    /**
     * Starts the shell.
     *
     * @param init command line of what it becomes
     * @param environment the VM's whole environment, marker included
     * @param console appended to
     */
    static VmProcess start(List<String> init, Map<String, String> environment, Path console) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "setsid", "unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--", "/bin/sh", "-c",
                SCRIPT, "podvm"));
        command.addAll(init);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.directory(Path.of("/").toFile());
        builder.environment().clear();
        builder.environment().putAll(environment);
        builder.redirectError(ProcessBuilder.Redirect.appendTo(console.toFile()));
        return new VmProcess(builder.start());
    }

    /** The process outside the VM's PID namespace, which ends with the VM. */
    ProcessIdentity shell() throws IOException {
        return identity(Math.toIntExact(process.pid()));
    }

    /** The VM's first process, once it has said its number. */
    ProcessIdentity awaitInit() throws IOException, InterruptedException {
        String line = answer();
        if (!line.startsWith("pid ")) {
            throw new IOException("the shell in the new namespaces said '" + line + "' instead of its number");
        }
        return identity(Integer.parseInt(line.substring("pid ".length())));
    }

    /** Hands over steps without waiting for their end. */
    void give(List<String> more) throws IOException {
        steps.write((String.join("\n", more) + "\n").getBytes(StandardCharsets.UTF_8));
        steps.flush();
        open += more.size();
    }

    /** Waits until every step that was given is done. */
    void awaitSteps() throws IOException, InterruptedException {
        while (open > 0) {
            String line = answer();
            if (!line.startsWith("done ")) {
                throw new IOException(
                        "the VM's set-up " + line.replace('\t', ' ').strip());
            }
            open--;
        }
    }

    /** From now on the VM lives by itself. */
    void becomeInit() throws IOException {
        give(List.of("init"));
        steps.close();
    }

    /** Lets go of the shell; one that has not become init ends. */
    @Override
    public void close() throws IOException {
        steps.close();
    }

    private String answer() throws IOException, InterruptedException {
        String line = answers.poll(STEP_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        if (line == null) {
            throw new IOException("the shell in the new namespaces did not answer within " + STEP_LIMIT);
        }
        if (line.equals(END)) {
            throw new EndedException();
        }
        return line;
    }

    private void readAnswers() {
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            for (@Nullable String line = reader.readLine(); line != null; line = reader.readLine()) {
                answers.add(line);
            }
        } catch (IOException e) {
            // The same as an end.
        }
        answers.add(END);
    }

    private static ProcessIdentity identity(int pid) throws IOException {
        return ProcessIdentity.of(pid).orElseThrow(EndedException::new);
    }

    private static String script() {
        try (InputStream text = VmProcess.class.getResourceAsStream("bootstrap.sh")) {
            if (text == null) {
                throw new IllegalStateException("bootstrap.sh is missing beside " + VmProcess.class.getName());
            }
            // Its comments are for readers of the source, not for every listing of processes.
            return new String(text.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.strip().startsWith("#"))
                    .collect(Collectors.joining("\n"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The shell ended before it was asked to; why is on the console. */
    static final class EndedException extends IOException {
        private static final long serialVersionUID = 1L;

        EndedException() {
            super("the first process of the VM ended during its set-up");
        }
    }
}
