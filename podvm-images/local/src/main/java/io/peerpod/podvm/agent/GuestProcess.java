// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import com.google.protobuf.ByteString;
import io.grpc.StatusException;
import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process of a container: made when the specification arrives, started later or never, ended once. What it writes is fetched by
 * threads of its own, so that an abandoned read loses nothing.
 */
final class GuestProcess {
    private static final Logger log = LoggerFactory.getLogger(GuestProcess.class);

    /** A pump does nothing but copy. */
    private static final long PUMP_STACK_BYTES = 128 << 10;

    private static final int READ_BYTES = 32 << 10;

    /** How long output is waited for after the end of a process whose children hold its pipe open. */
    private static final Duration STRAGGLERS = Duration.ofMillis(300);

    private static final int TERMINAL_LOOK_MILLISECONDS = 200;

    /** How long a signal waits for the program that is just being started. */
    private static final Duration START_LIMIT = Duration.ofSeconds(2);

    private final GuestCommand command;
    private final @Nullable Terminal terminal;
    private final OutputBuffer output;
    private final OutputBuffer errors;
    private final CompletableFuture<Integer> exit = new CompletableFuture<>();
    private final ReentrantLock lock = new ReentrantLock();

    /** What was executed; it waits for the program itself, its only child. */
    private @Nullable Process process;

    GuestProcess(GuestCommand command, int rows, int columns) throws StatusException {
        this.command = command;
        this.output = new OutputBuffer(command.terminal());
        this.errors = new OutputBuffer(false);
        if (!command.terminal()) {
            this.terminal = null;
            return;
        }
        errors.end();
        try {
            this.terminal = Terminal.open();
            if (rows > 0 && columns > 0) {
                terminal.resize(rows, columns);
            }
        } catch (IOException e) {
            throw AgentErrors.failed("no terminal could be made", e);
        }
    }

    /** Starts it. */
    void start() throws StatusException {
        lock.lock();
        try {
            if (process != null || exit.isDone()) {
                throw AgentErrors.internal("the process was started before");
            }
            ProcessBuilder builder = new ProcessBuilder(command.line())
                    .directory(command.directory().toFile());
            builder.environment().clear();
            if (terminal != null) {
                ProcessBuilder.Redirect end =
                        ProcessBuilder.Redirect.from(terminal.path().toFile());
                ProcessBuilder.Redirect out =
                        ProcessBuilder.Redirect.to(terminal.path().toFile());
                builder.redirectInput(end).redirectOutput(out).redirectError(out);
            }
            Process started = builder.start();
            process = started;
            if (terminal == null) {
                Thread out = pump("out", started, () -> copy(started.getInputStream(), output));
                Thread err = pump("err", started, () -> copy(started.getErrorStream(), errors));
                whenEnded(started, out, err);
            } else {
                Thread out = pump("tty", started, () -> copyTerminal(started));
                whenEnded(started, out);
            }
        } catch (IOException e) {
            throw AgentErrors.failed("the process could not be started", e);
        } finally {
            lock.unlock();
        }
    }

    /** Whether it was started and has not ended. */
    boolean isRunning() {
        return running() != null && !exit.isDone();
    }

    boolean hasEnded() {
        return exit.isDone();
    }

    /** Waits for its end; the status as a shell counts it, 128 + signal. */
    int awaitExit() throws InterruptedException {
        try {
            return exit.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The program's own process id in the VM; empty once it has ended. Waits a moment for a program that is being started. */
    OptionalInt pid() throws InterruptedException {
        Process started = running();
        long latest = System.nanoTime() + START_LIMIT.toNanos();
        while (started != null && started.isAlive() && System.nanoTime() - latest < 0) {
            OptionalInt child = GuestProcesses.childOf(started.pid());
            if (child.isPresent()) {
                return child;
            }
            Thread.sleep(Duration.ofMillis(2));
        }
        return OptionalInt.empty();
    }

    /** Sends a signal to the program. */
    void signal(int number) throws StatusException, InterruptedException {
        if (running() == null) {
            // It was made, not started: what would end it ends it.
            exit.complete(128 + number);
            output.end();
            errors.end();
            return;
        }
        OptionalInt target = pid();
        if (exit.isDone() || target.isEmpty()) {
            throw AgentErrors.noSuchProcess();
        }
        try {
            Libc.system().kill(target.getAsInt(), number);
        } catch (ErrnoException e) {
            if (e.is(Errno.ESRCH)) {
                throw AgentErrors.noSuchProcess();
            }
            throw AgentErrors.failed("signal " + number + " could not be sent", e);
        }
    }

    /** Ends it in any case and does not wait; the namespace's first process takes all others with it. */
    void kill() throws InterruptedException {
        try {
            if (!exit.isDone()) {
                signal(Constants.SIGKILL);
            }
        } catch (StatusException e) {
            // It has ended by itself.
        }
        Process started = running();
        if (started != null) {
            started.destroyForcibly();
        }
    }

    ByteString readOutput(int most) throws InterruptedException, StatusException {
        return output.take(most);
    }

    ByteString readErrors(int most) throws InterruptedException, StatusException {
        return errors.take(most);
    }

    /** Types, or fills the pipe, waiting for room. */
    void write(ByteString data) throws StatusException, InterruptedException {
        Process started = running();
        if (started == null || exit.isDone()) {
            throw AgentErrors.internal("Broken pipe (os error 32)");
        }
        try {
            if (terminal != null) {
                terminal.write(data.toByteArray());
                return;
            }
            data.writeTo(started.getOutputStream());
            started.getOutputStream().flush();
        } catch (IOException e) {
            throw AgentErrors.internal("Broken pipe (os error 32)");
        }
    }

    /** The end of its input; a terminal has none. */
    void closeInput() {
        Process started = running();
        if (started == null || terminal != null) {
            return;
        }
        try {
            started.getOutputStream().close();
        } catch (IOException e) {
            // What was buffered could not be written: the process reads no more, which is as good.
        }
    }

    void resize(int rows, int columns) throws StatusException {
        if (terminal == null) {
            throw AgentErrors.internal("the process has no terminal");
        }
        try {
            terminal.resize(rows, columns);
        } catch (IOException e) {
            throw AgentErrors.failed("the terminal could not be resized", e);
        }
    }

    /** Frees what it holds; nobody reads it any more. */
    void discard() {
        output.end();
        errors.end();
        if (running() == null) {
            closeTerminal();
        }
    }

    private void closeTerminal() {
        if (terminal != null) {
            try {
                terminal.close();
            } catch (IOException e) {
                log.atDebug().setCause(e).log("a terminal was not closed");
            }
        }
    }

    private @Nullable Process running() {
        lock.lock();
        try {
            return process;
        } finally {
            lock.unlock();
        }
    }

    private void whenEnded(Process started, Thread... pumps) {
        Thread.ofVirtual().name("process-end").start(() -> {
            try {
                started.waitFor();
                for (Thread pump : pumps) {
                    pump.join(STRAGGLERS);
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException("nobody interrupts this thread", e);
            }
            output.end();
            errors.end();
            exit.complete(started.exitValue());
        });
    }

    private static Thread pump(String name, Process process, Runnable work) {
        return Thread.ofPlatform()
                .daemon()
                .stackSize(PUMP_STACK_BYTES)
                .name(name + "-" + process.pid())
                .start(work);
    }

    private static void copy(InputStream from, OutputBuffer to) {
        byte[] bytes = new byte[READ_BYTES];
        try {
            for (int length = from.read(bytes); length >= 0; length = from.read(bytes)) {
                to.put(bytes, length);
            }
        } catch (IOException | InterruptedException e) {
            // The pipe was closed under the read: an end as well.
        }
        to.end();
    }

    private void copyTerminal(Process started) {
        Terminal own = Optional.ofNullable(terminal).orElseThrow();
        byte[] bytes = new byte[READ_BYTES];
        try {
            while (true) {
                boolean over = !started.isAlive();
                if (own.awaitInput(over ? 0 : TERMINAL_LOOK_MILLISECONDS)) {
                    output.put(bytes, own.read(bytes));
                } else if (over) {
                    // Children that stay hold the other end open, so that no error says it.
                    break;
                }
            }
        } catch (ErrnoException e) {
            if (!e.is(Errno.EIO)) {
                log.atWarn().setCause(e).log("a terminal could not be read any further");
            }
        } catch (IOException | InterruptedException e) {
            log.atDebug().setCause(e).log("a terminal was closed while it was read");
        }
        output.end();
        closeTerminal();
    }
}
