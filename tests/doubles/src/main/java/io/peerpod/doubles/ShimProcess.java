// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.peerpod.contract.agent.CloseStdinRequest;
import io.peerpod.contract.agent.ReadStreamRequest;
import io.peerpod.contract.agent.ReadStreamResponse;
import io.peerpod.contract.agent.SignalProcessRequest;
import io.peerpod.contract.agent.TtyWinResizeRequest;
import io.peerpod.contract.agent.WaitProcessRequest;
import io.peerpod.contract.agent.WaitProcessResponse;
import io.peerpod.contract.agent.WriteStreamRequest;
import io.peerpod.contract.agent.WriteStreamResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A process in the guest as its shim sees it: loops of reads for its streams, and the wait for its end only after both loops ended
 * (kata-protocol.md 3.3).
 */
public final class ShimProcess {
    private final AgentCalls agent;
    private final String containerId;
    private final String execId;
    private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
    private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
    private final CompletableFuture<Integer> exit = new CompletableFuture<>();

    ShimProcess(AgentCalls agent, String containerId, String execId) {
        this.agent = agent;
        this.containerId = containerId;
        this.execId = execId;
    }

    /** Starts the loops; with a tty there is no stderr. */
    void follow(boolean terminal) {
        List<Thread> loops = new ArrayList<>();
        loops.add(Thread.ofVirtual().start(() -> read("ReadStdout", stdout)));
        if (!terminal) {
            loops.add(Thread.ofVirtual().start(() -> read("ReadStderr", stderr)));
        }
        Thread.ofVirtual().start(() -> waitForEnd(loops));
    }

    private void read(String method, ByteArrayOutputStream sink) {
        int asked = agent.habits().readBytes();
        ReadStreamRequest request = ReadStreamRequest.newBuilder()
                .setContainerId(containerId)
                .setExecId(execId)
                .setLen(asked)
                .build();
        try {
            while (true) {
                ByteString data = ReadStreamResponse.parseFrom(agent.await(method, request))
                        .getData();
                if (data.size() > asked) {
                    throw new IOException(method + " answered " + data.size() + " bytes where " + asked
                            + " were asked for, which makes a shim panic");
                }
                if (data.isEmpty()) {
                    return;
                }
                synchronized (this) {
                    data.writeTo(sink);
                    notifyAll();
                }
            }
        } catch (WireStatusException e) {
            // A tty that ends does so with an error; shims take every error as the end of the stream.
            return;
        } catch (IOException e) {
            exit.completeExceptionally(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void waitForEnd(List<Thread> loops) {
        try {
            for (Thread loop : loops) {
                loop.join();
            }
            exit.complete(status(agent.await("WaitProcess", waitRequest())));
        } catch (IOException | WireStatusException e) {
            exit.completeExceptionally(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            synchronized (this) {
                notifyAll();
            }
        }
    }

    private static int status(byte[] answer) throws InvalidProtocolBufferException {
        return WaitProcessResponse.parseFrom(answer).getStatus();
    }

    WaitProcessRequest waitRequest() {
        return WaitProcessRequest.newBuilder()
                .setContainerId(containerId)
                .setExecId(execId)
                .build();
    }

    /** What the process has written to its standard output until now. */
    public synchronized String stdout() {
        return stdout.toString(StandardCharsets.UTF_8);
    }

    /** What the process has written to its standard error until now. */
    public synchronized String stderr() {
        return stderr.toString(StandardCharsets.UTF_8);
    }

    /**
     * Waits until the standard output holds the text.
     *
     * @throws IOException when the process ended without it, or the time is up
     */
    public synchronized void awaitOutput(String text, Duration patience) throws IOException, InterruptedException {
        long end = System.nanoTime() + patience.toNanos();
        while (!stdout().contains(text)) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (exit.isDone() || left <= 0) {
                throw new IOException("the process " + (exit.isDone() ? "ended" : "went on for " + patience)
                        + " without printing '" + text + "'; it printed '" + stdout() + "' and on stderr '" + stderr()
                        + "'");
            }
            wait(left);
        }
    }

    /** Waits for the end; the exit code. */
    public int awaitExit(Duration patience) throws IOException, InterruptedException {
        try {
            return exit.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException("the process went on for " + patience + "; it printed '" + stdout() + "'", e);
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IOException("the end of the process could not be learnt: " + e.getCause(), e);
        }
    }

    /** Whether the end was reported. */
    public boolean hasEnded() {
        return exit.isDone();
    }

    /** Writes to the standard input, one WriteStdin after the other. */
    public void writeStdin(byte[] data) throws IOException, WireStatusException, InterruptedException {
        byte[] answer = agent.await("WriteStdin", stdin(data));
        int written = WriteStreamResponse.parseFrom(answer).getLen();
        if (written != data.length) {
            throw new IOException("WriteStdin took " + written + " of " + data.length + " bytes");
        }
    }

    /** Ends the standard input: CloseStdin (Go) or a write of nothing (runtime-rs). */
    public void closeStdin() throws IOException, WireStatusException, InterruptedException {
        if (agent.habits() == ShimHabits.RUNTIME_RS) {
            agent.await("WriteStdin", stdin(new byte[0]));
            return;
        }
        agent.call(
                "CloseStdin",
                CloseStdinRequest.newBuilder()
                        .setContainerId(containerId)
                        .setExecId(execId)
                        .build());
    }

    private MessageLite stdin(byte[] data) {
        return WriteStreamRequest.newBuilder()
                .setContainerId(containerId)
                .setExecId(execId)
                .setData(ByteString.copyFrom(data))
                .build();
    }

    /** Sets the size of the tty. */
    public void resize(int rows, int columns) throws IOException, WireStatusException, InterruptedException {
        agent.call(
                "TtyWinResize",
                TtyWinResizeRequest.newBuilder()
                        .setContainerId(containerId)
                        .setExecId(execId)
                        .setRow(rows)
                        .setColumn(columns)
                        .build());
    }

    /** Sends a signal; to a container's first process with an empty exec id, as shims do. */
    public void signal(int number) throws IOException, WireStatusException, InterruptedException {
        agent.call(
                "SignalProcess",
                SignalProcessRequest.newBuilder()
                        .setContainerId(containerId)
                        .setExecId(execId.equals(containerId) ? "" : execId)
                        .setSignal(number)
                        .build());
    }
}
