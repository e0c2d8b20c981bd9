// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import static io.peerpod.podvm.agent.AgentFixture.process;
import static io.peerpod.podvm.agent.AgentFixture.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpod.contract.agent.AgentServiceGrpc;
import io.peerpod.contract.agent.Box;
import io.peerpod.contract.agent.CloseStdinRequest;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.CreateSandboxRequest;
import io.peerpod.contract.agent.DestroySandboxRequest;
import io.peerpod.contract.agent.GetOOMEventRequest;
import io.peerpod.contract.agent.GuestDetailsRequest;
import io.peerpod.contract.agent.Linux;
import io.peerpod.contract.agent.LinuxNamespace;
import io.peerpod.contract.agent.PauseContainerRequest;
import io.peerpod.contract.agent.ReadStreamRequest;
import io.peerpod.contract.agent.RemoveContainerRequest;
import io.peerpod.contract.agent.ResumeContainerRequest;
import io.peerpod.contract.agent.SetPolicyRequest;
import io.peerpod.contract.agent.SignalProcessRequest;
import io.peerpod.contract.agent.Spec;
import io.peerpod.contract.agent.StatsContainerRequest;
import io.peerpod.contract.agent.StatsContainerResponse;
import io.peerpod.contract.agent.Storage;
import io.peerpod.contract.agent.TtyWinResizeRequest;
import io.peerpod.contract.agent.UpdateContainerRequest;
import io.peerpod.contract.agent.User;
import io.peerpod.contract.agent.WriteStreamRequest;
import io.peerpod.contract.health.CheckRequest;
import io.peerpod.contract.health.HealthCheckResponse;
import io.peerpod.network.NetworkNamespace;
import io.peerpod.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The stand-in agent as a shim sees it, over its socket, with real processes. */
final class StandInAgentIT {
    private AgentFixture agent;

    @BeforeEach
    void startAgent() throws IOException {
        try {
            NetworkNamespace.createUnnamed().close();
        } catch (IOException e) {
            String reason = "not run: containers need namespaces, so root or a user namespace (" + e.getMessage() + ")";
            System.out.println(reason);
            Assumptions.abort(reason);
        }
        agent = new AgentFixture();
    }

    @AfterEach
    void stopAgent() throws IOException {
        agent.close();
        assertThat(processesOf(agent.folder)).isEmpty();
    }

    /** Processes of this test's containers: they have its folder in their environment. */
    private static List<String> processesOf(Path folder) throws IOException {
        List<String> found = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                try {
                    if (Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1)
                            .contains("TEST=" + folder)) {
                        found.add(process.getFileName() + " " + Files.readString(process.resolve("cmdline")));
                    }
                } catch (IOException e) {
                    // It has ended meanwhile.
                }
            }
        }
        return found;
    }

    @Test
    void itSaysThatItIsNoKataAgent() {
        assertThat(agent.health().check(CheckRequest.getDefaultInstance()).getStatus())
                .isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
        assertThat(agent.health().version(CheckRequest.getDefaultInstance()).getAgentVersion())
                .contains("stand-in")
                .contains("not a Kata agent");
        assertThat(agent.client
                        .getGuestDetails(GuestDetailsRequest.newBuilder()
                                .setMemBlockSize(true)
                                .build())
                        .getAgentDetails()
                        .getVersion())
                .contains("not a Kata agent");
        assertStatus(
                () -> agent.client.setPolicy(SetPolicyRequest.getDefaultInstance()), Status.Code.NOT_FOUND, "policy");
    }

    @Test
    void aSandboxIsMadeOnceAndTakesTheSocketsPathWithIt() {
        CreateSandboxRequest request = CreateSandboxRequest.newBuilder()
                .setHostname("web-0")
                .setSandboxId("s1")
                .addStorages(Storage.newBuilder()
                        .setDriver("ephemeral")
                        .setFstype("tmpfs")
                        .addOptions("size=1m")
                        .setMountPoint(agent.folder.resolve("kata/sandbox/shm").toString()))
                .build();
        agent.client.createSandbox(request);
        assertThat(agent.machine).containsExactly("hostname web-0", "mount shm [size=1m]");
        assertThat(agent.socket()).doesNotExist();
        assertThat(agent.shared()).isDirectory();
        assertStatus(() -> agent.client.createSandbox(request), Status.Code.INTERNAL, "already");
        assertThat(agent.health().check(CheckRequest.getDefaultInstance()).getStatus())
                .isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
    }

    @Test
    void aContainerRunsItsCommandWithExactlyItsEnvironmentAndDirectory() {
        agent.run(
                "c1",
                shell("echo \"out $A $PWD $$ $(readlink /proc/self/ns/pid)\"; env | sort; echo err >&2; exit 7")
                        .toBuilder()
                        .addEnv("A=b c")
                        .setCwd("/usr")
                        .build());
        assertThat(agent.readAll("c1", ""))
                .startsWith("out b c /usr 1 ")
                .contains("\nA=b c\n")
                .doesNotContain("HOME=");
        assertThat(agent.client
                        .readStderr(ReadStreamRequest.newBuilder()
                                .setContainerId("c1")
                                .setLen(100)
                                .build())
                        .getData()
                        .toStringUtf8())
                .isEqualTo("err\n");
        assertThat(agent.await("c1", "")).isEqualTo(7);
    }

    @Test
    void aReadNeverReturnsMoreThanWasAskedFor() {
        agent.run("c1", shell("printf 0123456789"));
        assertThat(agent.read("c1", "", 4).size()).isBetween(1, 4);
        assertThat(agent.readAll("c1", "")).endsWith("789");
    }

    @Test
    void muchOutputArrivesWhole() {
        agent.run("c1", shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789abcdef; i=$((i+1)); done"));
        assertThat(agent.readAll("c1", "")).hasSize(20_000 * 17);
        assertThat(agent.await("c1", "")).isZero();
    }

    @Test
    void inputIsWrittenAndEndsInBothWays() {
        for (boolean byEmptyWrite : new boolean[] {false, true}) {
            String id = "in" + byEmptyWrite;
            agent.run(id, process("cat"));
            assertThat(write(id, "hello")).isEqualTo(5);
            assertThat(agent.readUntil(id, "", "hello")).isEqualTo("hello");
            if (byEmptyWrite) {
                assertThat(write(id, "")).isZero();
            } else {
                agent.client.closeStdin(
                        CloseStdinRequest.newBuilder().setContainerId(id).build());
            }
            assertThat(agent.readAll(id, "")).isEmpty();
            assertThat(agent.await(id, "")).isZero();
        }
    }

    private int write(String id, String text) {
        return agent.client
                .writeStdin(WriteStreamRequest.newBuilder()
                        .setContainerId(id)
                        .setData(ByteString.copyFromUtf8(text))
                        .build())
                .getLen();
    }

    @Test
    void aTerminalIsOneAndItsEndIsAnError() {
        agent.run(
                "tty",
                shell("tty; stty size; read line; echo got $line; stty size").toBuilder()
                        .setTerminal(true)
                        .setConsoleSize(Box.newBuilder().setHeight(24).setWidth(81))
                        .build());
        assertThat(agent.readUntil("tty", "", "24 81")).startsWith("/dev/pts/");
        agent.client.ttyWinResize(TtyWinResizeRequest.newBuilder()
                .setContainerId("tty")
                .setRow(50)
                .setColumn(132)
                .build());
        write("tty", "typed\n");
        assertThat(agent.readUntil("tty", "", "50 132")).contains("typed").contains("got typed");
        agent.readAll("tty", "");
        assertStatus(() -> agent.read("tty", "", 10), Status.Code.INTERNAL, "Input/output error (os error 5)");
        assertThat(agent.await("tty", "")).isZero();
    }

    @Test
    void anInteractiveShellHasJobControl() {
        agent.run("c1", process("sleep", "3600"));
        agent.exec(
                "c1",
                "e1",
                shell("set -m; sleep 0 & wait; echo ready; read x; echo done").toBuilder()
                        .setTerminal(true)
                        .build());
        String start = agent.readUntil("c1", "e1", "ready");
        assertThat(start).doesNotContain("job control");
        agent.client.ttyWinResize(TtyWinResizeRequest.newBuilder()
                .setContainerId("c1")
                .setExecId("e1")
                .setRow(10)
                .setColumn(20)
                .build());
        agent.client.writeStdin(WriteStreamRequest.newBuilder()
                .setContainerId("c1")
                .setExecId("e1")
                .setData(ByteString.copyFromUtf8("\n"))
                .build());
        assertThat(agent.readAll("c1", "e1")).contains("done");
    }

    @Test
    void anExecRunsInTheContainersNamespaces() throws Exception {
        Path directory = Files.createDirectory(agent.folder.resolve("cwd"));
        try (NetworkNamespace network = NetworkNamespace.createUnnamed()) {
            String path = "/proc/" + ProcessHandle.current().pid() + "/fd/" + network.descriptor();
            agent.client.createContainer(CreateContainerRequest.newBuilder()
                    .setContainerId("c1")
                    .setOCI(Spec.newBuilder()
                            .setProcess(shell("readlink /proc/self/ns/net; exec sleep 3600"))
                            .setLinux(Linux.newBuilder()
                                    .addNamespaces(LinuxNamespace.newBuilder()
                                            .setType("network")
                                            .setPath(path))))
                    .build());
            agent.start("c1");
            String namespace = agent.readUntil("c1", "", "\n").strip();
            assertThat(namespace)
                    .isEqualTo(Files.readSymbolicLink(Path.of(path)).toString());
            agent.exec(
                    "c1",
                    "e1",
                    shell("readlink /proc/self/ns/net; cat /proc/1/cmdline | tr '\\0' ' '; pwd; exit 9").toBuilder()
                            .setCwd(directory.toString())
                            .build());
            assertThat(agent.readAll("c1", "e1"))
                    .contains(namespace)
                    .contains("sleep 3600")
                    .contains(directory.toString());
            assertThat(agent.await("c1", "e1")).isEqualTo(9);
            agent.client.removeContainer(
                    RemoveContainerRequest.newBuilder().setContainerId("c1").build());
        }
    }

    @Test
    void aProcessHasItsUserAndGroups() throws IOException {
        if (Files.readString(Path.of("/proc/self/setgroups")).startsWith("deny")) {
            String reason = "not run: this user namespace maps root only, so no process can have another user in it";
            System.out.println(reason);
            Assumptions.abort(reason);
        }
        try {
            agent.run(
                    "c1",
                    shell("id -u; id -g; id -G").toBuilder()
                            .setUser(User.newBuilder()
                                    .setUID(1234)
                                    .setGID(2345)
                                    .addAdditionalGids(77)
                                    .addAdditionalGids(88))
                            .build());
            assertThat(agent.readAll("c1", "")).isEqualTo("1234\n2345\n2345 77 88\n");
        } finally {
            agent.await("c1", "");
        }
    }

    @Test
    void twoWaitsAtOnceGetTheStatusAndALaterOneDoesNot() throws Exception {
        agent.run("c1", process("sleep", "3600"));
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> waits =
                    List.of(threads.submit(() -> agent.await("c1", "")), threads.submit(() -> agent.await("c1", "c1")));
            awaitOpenCalls(2);
            signal("c1", "", 9);
            for (Future<Integer> wait : waits) {
                assertThat(wait.get()).isEqualTo(137);
            }
        }
        assertStatus(() -> agent.await("c1", ""), Status.Code.INTERNAL, "InvalidExecId");
        signal("c1", "", 9);
    }

    /** Both waits are under way when the server has them; there is nothing else to see from outside. */
    private void awaitOpenCalls(int count) throws Exception {
        Thread.sleep(50L * count);
    }

    @Test
    void signalsReachHandlersAndWithoutOneTermEndsTheInit() {
        agent.run("handler", shell("trap 'echo caught; exit 5' TERM; echo set; while :; do sleep 0.01; done"));
        agent.readUntil("handler", "", "set");
        signal("handler", "", 15);
        assertThat(agent.readAll("handler", "")).contains("caught");
        assertThat(agent.await("handler", "")).isEqualTo(5);

        agent.run("none", process("sleep", "3600"));
        signal("none", "", 15);
        assertThat(agent.await("none", "")).isEqualTo(137);

        agent.run("c1", process("sleep", "3600"));
        agent.exec("c1", "e1", process("sleep", "3600"));
        signal("c1", "e1", 15);
        assertThat(agent.await("c1", "e1")).isEqualTo(143);
        assertStatus(() -> signal("c1", "e1", 15), Status.Code.INTERNAL, "InvalidExecId");
    }

    @Test
    void aSignalForAProcessThatHasEndedSaysEsrch() throws Exception {
        agent.run("c1", process("sleep", "3600"));
        agent.exec("c1", "e1", process("true"));
        agent.readAll("c1", "e1");
        for (int attempt = 0; ; attempt++) {
            try {
                signal("c1", "e1", 0);
                assertThat(attempt).isLessThan(1000);
                Thread.sleep(5);
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getDescription()).contains("ESRCH: No such process");
                break;
            }
        }
    }

    private void signal(String id, String execId, int number) {
        agent.client.signalProcess(SignalProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(execId)
                .setSignal(number)
                .build());
    }

    @Test
    void thePauseContainerSleepsAndGoesWhenAsked() {
        agent.client.createContainer(CreateContainerRequest.newBuilder()
                .setContainerId("pause")
                .setOCI(Spec.newBuilder()
                        .setProcess(process("/pause"))
                        .putAnnotations("io.kubernetes.cri.container-type", "sandbox"))
                .build());
        agent.start("pause");
        StatsContainerResponse stats = agent.client.statsContainer(
                StatsContainerRequest.newBuilder().setContainerId("pause").build());
        assertThat(stats.getCgroupStats().getPidsStats().getCurrent()).isPositive();
        signal("pause", "", 9);
        assertThat(agent.await("pause", "")).isEqualTo(137);
    }

    @Test
    void statisticsAreRealAndAPausedContainerStandsStill() throws Exception {
        agent.run("c1", shell("echo up; while :; do :; done"));
        agent.readUntil("c1", "", "up");
        while (cpu() == 0) {
            Thread.sleep(5);
        }
        agent.client.pauseContainer(
                PauseContainerRequest.newBuilder().setContainerId("c1").build());
        long stopped = cpu();
        Thread.sleep(60);
        assertThat(cpu()).isEqualTo(stopped);
        agent.client.resumeContainer(
                ResumeContainerRequest.newBuilder().setContainerId("c1").build());
        while (cpu() == stopped) {
            Thread.sleep(5);
        }
        assertThat(agent.client
                        .statsContainer(StatsContainerRequest.newBuilder()
                                .setContainerId("c1")
                                .build())
                        .getCgroupStats()
                        .getMemoryStats()
                        .getUsage()
                        .getUsage())
                .isPositive();
    }

    private long cpu() {
        return agent.client
                .statsContainer(
                        StatsContainerRequest.newBuilder().setContainerId("c1").build())
                .getCgroupStats()
                .getCpuStats()
                .getCpuUsage()
                .getTotalUsage();
    }

    @Test
    void removingAContainerLeavesNoProcessOfIt() throws Exception {
        agent.run(
                "c1",
                shell(
                                "(setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' &); sleep 1 & echo up; wait; sleep 3600")
                        .toBuilder()
                        .addEnv("TEST=" + agent.folder)
                        .build());
        agent.readUntil("c1", "", "up");
        agent.exec(
                "c1",
                "e1",
                shell("echo up; exec sleep 3600").toBuilder()
                        .addEnv("TEST=" + agent.folder)
                        .build());
        agent.readUntil("c1", "e1", "up");
        assertThat(processesOf(agent.folder)).isNotEmpty();
        agent.client.removeContainer(
                RemoveContainerRequest.newBuilder().setContainerId("c1").build());
        assertThat(processesOf(agent.folder)).isEmpty();
        assertStatus(() -> agent.start("c1"), Status.Code.INTERNAL, "invalid container id");
        agent.run("c1", process("true"));
        assertThat(agent.await("c1", "")).isZero();
    }

    @Test
    void aReadThatItsCallerAbandonedLosesNothing() throws Exception {
        agent.run("c1", process("cat"));
        TtrpcChannel other = TtrpcChannel.connect(agent.socket());
        CompletableFuture<Void> abandoned = CompletableFuture.runAsync(() -> {
            try {
                AgentServiceGrpc.newBlockingStub(other)
                        .readStdout(ReadStreamRequest.newBuilder()
                                .setContainerId("c1")
                                .setLen(10)
                                .build());
            } catch (StatusRuntimeException e) {
                // Closed below.
            }
        });
        Thread.sleep(100);
        other.close();
        abandoned.get();
        Thread.sleep(100);
        write("c1", "kept");
        assertThat(agent.readUntil("c1", "", "kept")).isEqualTo("kept");
    }

    @Test
    void destroyingTheSandboxEndsEverythingAndThenTheConnections() throws Exception {
        agent.client.createSandbox(CreateSandboxRequest.getDefaultInstance());
        agent.run("c1", process("sleep", "3600"));
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> event = threads.submit(() -> agent.client.getOOMEvent(GetOOMEventRequest.getDefaultInstance()));
            Future<Integer> wait = threads.submit(() -> agent.await("c1", ""));
            awaitOpenCalls(2);
            agent.client.destroySandbox(DestroySandboxRequest.getDefaultInstance());
            assertThat(wait.get()).isEqualTo(137);
            assertThatThrownBy(event::get).rootCause().isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
                assertThat(e.getStatus().getDescription()).isEqualTo("\"\"");
            });
        }
        agent.agent.awaitEnd();
        assertThatThrownBy(() -> agent.health().check(CheckRequest.getDefaultInstance()))
                .isInstanceOf(StatusRuntimeException.class);
    }

    @Test
    void whatIsNotThereIsAnsweredAsTheRealAgentDoes() {
        assertStatus(
                () -> agent.client.statsContainer(
                        StatsContainerRequest.newBuilder().setContainerId("x").build()),
                Status.Code.INVALID_ARGUMENT,
                "invalid container id");
        assertStatus(
                () -> agent.client.updateContainer(
                        UpdateContainerRequest.newBuilder().setContainerId("x").build()),
                Status.Code.INVALID_ARGUMENT,
                "invalid container id");
        assertStatus(
                () -> agent.client.closeStdin(
                        CloseStdinRequest.newBuilder().setContainerId("x").build()),
                Status.Code.NOT_FOUND,
                "InvalidExecId");
        assertStatus(
                () -> agent.client.ttyWinResize(
                        TtyWinResizeRequest.newBuilder().setContainerId("x").build()),
                Status.Code.NOT_FOUND,
                "InvalidExecId");
        assertStatus(() -> agent.start("x"), Status.Code.INTERNAL, "invalid container id");
    }

    @Test
    void badSpecificationsAreRefusedAndNothingStarts() {
        assertStatus(
                () -> agent.client.createContainer(
                        CreateContainerRequest.newBuilder().setContainerId("c1").build()),
                Status.Code.INTERNAL,
                "OCI");
        assertStatus(
                () -> agent.client.createContainer(CreateContainerRequest.newBuilder()
                        .setContainerId("../c1")
                        .setOCI(Spec.newBuilder().setProcess(process("true")))
                        .build()),
                Status.Code.INTERNAL,
                "slash");
        assertStatus(() -> agent.create("c1", process()), Status.Code.INTERNAL, "arguments");
        assertStatus(
                () -> agent.create("c1", process("no-such-program-anywhere")),
                Status.Code.INTERNAL,
                "ENOENT: No such file or directory");
        assertStatus(
                () -> agent.client.createContainer(CreateContainerRequest.newBuilder()
                        .setContainerId("c1")
                        .setOCI(Spec.newBuilder()
                                .setProcess(process("true"))
                                .setLinux(Linux.newBuilder()
                                        .addNamespaces(LinuxNamespace.newBuilder()
                                                .setType("network")
                                                .setPath("/run/netns/absent"))))
                        .build()),
                Status.Code.INTERNAL,
                "/run/netns/absent");
        agent.create("c1", process("true"));
        assertStatus(() -> agent.create("c1", process("true")), Status.Code.INTERNAL, "exists");
        agent.start("c1");
        assertStatus(() -> agent.start("c1"), Status.Code.INTERNAL, "before");
        assertThat(agent.await("c1", "")).isZero();
        assertStatus(() -> agent.exec("c1", "e1", process("true")), Status.Code.INTERNAL, "not running");
    }

    @Test
    void aContainerThatWasNeverStartedCanBeKilledAndRemoved() {
        agent.create("c1", process("true"));
        signal("c1", "", 9);
        assertThat(agent.await("c1", "")).isEqualTo(137);
        agent.client.removeContainer(
                RemoveContainerRequest.newBuilder().setContainerId("c1").build());
    }

    private static void assertStatus(Runnable call, Status.Code code, String text) {
        assertThatThrownBy(call::run).isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
            assertThat(e.getStatus().getCode()).isEqualTo(code);
            assertThat(e.getStatus().getDescription()).contains(text);
        });
    }
}
