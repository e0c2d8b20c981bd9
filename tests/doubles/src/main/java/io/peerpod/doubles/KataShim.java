// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import io.peerpod.contract.agent.CopyFileRequest;
import io.peerpod.contract.agent.DestroySandboxRequest;
import io.peerpod.contract.agent.ExecProcessRequest;
import io.peerpod.contract.agent.GetOOMEventRequest;
import io.peerpod.contract.agent.GuestDetailsRequest;
import io.peerpod.contract.agent.Mount;
import io.peerpod.contract.agent.RemoveContainerRequest;
import io.peerpod.contract.agent.RemoveStaleVirtiofsShareMountsRequest;
import io.peerpod.contract.agent.StartContainerRequest;
import io.peerpod.contract.agent.WaitProcessRequest;
import io.peerpod.contract.health.CheckRequest;
import io.peerpod.contract.health.HealthCheckResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Plays the part of a Kata shim for one pod over the real sockets, call by call as the Go shim or runtime-rs does it (kata-protocol.md 2
 * to 4). The steps are to be called in order: {@link #createVm}, {@link #startVm}, {@link #connect}, {@link #startSandbox}, any number of
 * {@link #run} and {@link #exec}, then {@link #stop}.
 */
public final class KataShim implements AutoCloseable {
    private static final int SIGKILL = 9;
    private static final int SIGTERM = 15;
    private static final Duration TERM_GRACE = Duration.ofSeconds(2);
    private static final int REGULAR_FILE_0644 = 0100644;
    private static final int DIRECTORY_0755 = 040755;

    private final ShimHabits habits;
    private final PodRequest pod;
    private final ShimObserver observer;
    private final HypervisorClient hypervisor;
    private final Map<String, ShimProcess> containers = new LinkedHashMap<>();
    private final List<CompletableFuture<byte[]>> openForLife = new ArrayList<>();
    private final CompletableFuture<String> sickness = new CompletableFuture<>();
    private @Nullable Path agentSocket;
    private @Nullable AgentCalls agent;
    private @Nullable WireClient silent;
    private @Nullable Thread monitor;
    private boolean sandboxStarted;

    public KataShim(ShimHabits habits, Path hypervisorSocket, PodRequest pod, ShimObserver observer) {
        this.habits = habits;
        this.pod = pod;
        this.observer = observer;
        this.hypervisor = new HypervisorClient(hypervisorSocket, habits);
    }

    public PodRequest pod() {
        return pod;
    }

    /** Completes with the reason when a periodic health check fails: a real shim would tear the pod down now. */
    public CompletableFuture<String> sickness() {
        return sickness.copy();
    }

    /** The calls that stay open for the life of the pod: the watch for lack of memory and the wait for the pause container. */
    public List<CompletableFuture<byte[]>> openForLife() {
        return List.copyOf(openForLife);
    }

    /** CreateVM; the path of the agent's socket. */
    public Path createVm() throws IOException, WireStatusException, InterruptedException {
        long before = System.nanoTime();
        Path socket = hypervisor.createVm(pod);
        observed("CreateVM", before);
        agentSocket = socket;
        return socket;
    }

    /** StartVM; a failure is followed by StopVM, as shims do. */
    public void startVm() throws IOException, WireStatusException, InterruptedException {
        long before = System.nanoTime();
        try {
            hypervisor.startVm(pod.sandboxId());
        } catch (IOException | WireStatusException e) {
            try {
                hypervisor.stopVm(pod.sandboxId());
            } catch (IOException | WireStatusException stop) {
                e.addSuppressed(stop);
            }
            throw e;
        }
        observed("StartVM", before);
    }

    /** Opens the agent's socket: one connection and a health check (Go), or two connections before any byte (runtime-rs). */
    public void connect() throws IOException, WireStatusException, InterruptedException {
        Path socket = agentSocket;
        if (socket == null) {
            throw new IllegalStateException("createVm comes first");
        }
        long before = System.nanoTime();
        AgentCalls calls = new AgentCalls(AgentCalls.dial(socket, habits), habits, observer);
        agent = calls;
        if (habits == ShimHabits.RUNTIME_RS) {
            silent = AgentCalls.dial(socket, habits);
        }
        observed("dial", before);
        if (habits == ShimHabits.GO) {
            check(calls);
        }
    }

    private static void check(AgentCalls calls) throws IOException, WireStatusException, InterruptedException {
        byte[] answer =
                calls.call(AgentCalls.HEALTH, "Check", CheckRequest.getDefaultInstance(), ShimHabits.CHECK_DEADLINE);
        var status = HealthCheckResponse.parseFrom(answer).getStatus();
        if (status != HealthCheckResponse.ServingStatus.SERVING) {
            throw new IOException("the agent's health is " + status + " instead of SERVING");
        }
    }

    /** CreateSandbox, the guest's details, the pause container, and the calls that stay open for the life of the pod. */
    public void startSandbox() throws IOException, WireStatusException, InterruptedException {
        AgentCalls calls = agent();
        sandboxStarted = true;
        calls.call(
                AgentCalls.AGENT,
                "CreateSandbox",
                GuestRequests.sandbox(pod),
                habits == ShimHabits.GO ? ShimHabits.SANDBOX_DEADLINE : habits.callDeadline());
        calls.call(
                "GetGuestDetails",
                GuestDetailsRequest.newBuilder()
                        .setMemBlockSize(true)
                        .setMemHotplugProbe(true)
                        .build());
        if (habits == ShimHabits.RUNTIME_RS) {
            watchMemory(calls);
        }
        copyFile(pod.sandboxId(), "resolv.conf", String.join("\n", pod.dns()) + "\n");
        calls.call("CreateContainer", GuestRequests.pause(pod));
        startContainer(pod.sandboxId());
        if (habits == ShimHabits.GO) {
            watchMemory(calls);
            monitor = Thread.ofVirtual().name("shim-monitor").start(() -> monitor(calls));
        }
        // The pause container has no streams, so its end is waited for at once.
        leaveOpen(calls, "WaitProcess", waitFor(pod.sandboxId()));
    }

    private void watchMemory(AgentCalls calls) {
        leaveOpen(calls, "GetOOMEvent", GetOOMEventRequest.getDefaultInstance());
    }

    private void leaveOpen(AgentCalls calls, String method, MessageLite request) {
        openForLife.add(calls.client().send(AgentCalls.AGENT, method, request.toByteArray(), Duration.ZERO));
    }

    private void monitor(AgentCalls calls) {
        try {
            while (!calls.client().ended().isDone()) {
                Thread.sleep(ShimHabits.CHECK_PERIOD);
                check(calls);
            }
        } catch (IOException | WireStatusException e) {
            sickness.complete(String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Creates and starts a container: its files, CreateContainer, StartContainer, then the reads. */
    public ShimProcess run(ContainerRequest container) throws IOException, WireStatusException, InterruptedException {
        List<Mount> binds = new ArrayList<>();
        binds.add(bind("/etc/hostname", copyFile(container.id(), "hostname", pod.name() + "\n")));
        binds.add(bind("/etc/hosts", copyFile(container.id(), "hosts", "127.0.0.1 localhost\n::1 localhost\n")));
        String resolv = copyFile(container.id(), "resolv.conf", String.join("\n", pod.dns()) + "\n");
        binds.add(bind("/etc/resolv.conf", resolv));
        agent().call("CreateContainer", GuestRequests.container(pod, container, binds));
        ShimProcess process = new ShimProcess(agent(), container.id(), container.id());
        containers.put(container.id(), process);
        startContainer(container.id());
        process.follow(container.terminal());
        return process;
    }

    /** Runs a further process in a container. */
    public ShimProcess exec(String containerId, ContainerRequest command)
            throws IOException, WireStatusException, InterruptedException {
        String execId = UUID.randomUUID().toString();
        agent().call(
                        "ExecProcess",
                        ExecProcessRequest.newBuilder()
                                .setContainerId(containerId)
                                .setExecId(execId)
                                .setProcess(GuestRequests.process(command))
                                .build());
        ShimProcess process = new ShimProcess(agent(), containerId, execId);
        if (command.terminal()) {
            process.resize(24, 80);
        }
        process.follow(command.terminal());
        return process;
    }

    /** Copies a file into the guest in pieces of at most 1 MiB; its path there. */
    public String copyFile(String containerId, String name, String content)
            throws IOException, WireStatusException, InterruptedException {
        String path = "/run/kata-containers/shared/containers/" + containerId + "-"
                + PodRequest.freshId().substring(0, 16) + "-" + name;
        byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
        int offset = 0;
        do {
            int size = Math.min(ShimHabits.COPY_CHUNK_BYTES, bytes.length - offset);
            agent().call(
                            "CopyFile",
                            CopyFileRequest.newBuilder()
                                    .setPath(path)
                                    .setFileSize(bytes.length)
                                    .setFileMode(REGULAR_FILE_0644)
                                    .setDirMode(DIRECTORY_0755)
                                    .setOffset(offset)
                                    .setData(ByteString.copyFrom(bytes, offset, size))
                                    .build());
            offset += size;
        } while (offset < bytes.length);
        return path;
    }

    private static Mount bind(String destination, String source) {
        return GuestRequests.mount(destination, source, "bind", "rbind", "rprivate", "rw");
    }

    private void startContainer(String id) throws IOException, WireStatusException, InterruptedException {
        agent().call(
                        "StartContainer",
                        StartContainerRequest.newBuilder().setContainerId(id).build());
    }

    /** Stops every container, the sandbox and the VM, in the order of the habits, and closes the connections. */
    public void stop() throws IOException, WireStatusException, InterruptedException {
        if (monitor != null) {
            monitor.interrupt();
        }
        if (sandboxStarted && agent != null && !agent.client().ended().isDone()) {
            for (Map.Entry<String, ShimProcess> container : containers.entrySet()) {
                stopContainer(container.getKey(), container.getValue());
            }
            stopContainer(pod.sandboxId(), new ShimProcess(agent, pod.sandboxId(), pod.sandboxId()));
            if (habits == ShimHabits.GO) {
                destroySandbox(agent);
            }
        }
        long before = System.nanoTime();
        hypervisor.stopVm(pod.sandboxId());
        observed("StopVM", before);
        close();
    }

    /** The agent may end before its answer is sent: a closed connection is success here. */
    private static void destroySandbox(AgentCalls agent) throws WireStatusException, InterruptedException, IOException {
        try {
            agent.call("DestroySandbox", DestroySandboxRequest.getDefaultInstance());
        } catch (IOException e) {
            if (!agent.client().ended().isDone()) {
                throw e;
            }
        }
    }

    private void stopContainer(String id, ShimProcess process)
            throws IOException, WireStatusException, InterruptedException {
        if (!process.hasEnded()) {
            process.signal(SIGTERM);
            // The pause container's end is told by the call that stays open for the life of the pod.
            if (!id.equals(pod.sandboxId())) {
                awaitTermination(process);
            }
        }
        AgentCalls calls = agent();
        // Each of these may be refused because the process is gone already; shims go on.
        for (Call call : List.<Call>of(
                () -> process.signal(SIGKILL),
                () -> calls.call(AgentCalls.AGENT, "WaitProcess", waitFor(id), Duration.ofSeconds(10)))) {
            try {
                call.run();
            } catch (WireStatusException e) {
                observer.answered(
                        "refused: " + e.statusMessage().lines().findFirst().orElse(""), Duration.ZERO);
            }
        }
        calls.call(
                "RemoveContainer",
                RemoveContainerRequest.newBuilder().setContainerId(id).build());
        calls.call("RemoveStaleVirtiofsShareMounts", RemoveStaleVirtiofsShareMountsRequest.getDefaultInstance());
    }

    private void awaitTermination(ShimProcess process) throws InterruptedException {
        try {
            process.awaitExit(TERM_GRACE);
        } catch (IOException e) {
            observer.answered("SIGTERM was not enough", TERM_GRACE);
        }
    }

    private interface Call {
        void run() throws IOException, WireStatusException, InterruptedException;
    }

    private static WaitProcessRequest waitFor(String id) {
        return WaitProcessRequest.newBuilder().setContainerId(id).setExecId(id).build();
    }

    private void observed(String call, long before) {
        observer.answered(call, Duration.ofNanos(System.nanoTime() - before));
    }

    private AgentCalls agent() {
        AgentCalls calls = agent;
        if (calls == null) {
            throw new IllegalStateException("connect comes first");
        }
        return calls;
    }

    /** Closes every connection without a word, as a shim that dies. */
    @Override
    public void close() {
        if (monitor != null) {
            monitor.interrupt();
        }
        if (silent != null) {
            silent.close();
        }
        if (agent != null) {
            agent.close();
        }
        hypervisor.close();
    }
}
