// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.peerpod.contract.ForwarderConfig;
import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import io.peerpod.network.libc.SocketAddresses;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The forwarder as a process in namespaces of its own, as a service manager runs it; everything ends with those namespaces. */
class ForwarderProcessIT {

    private static final int RECEIVE_MILLIS = 60_000;

    /** A VM's network, two runs of the forwarder, and its exit codes at the end. */
    private static final String WORLD = """
            mount -t tmpfs world /run && mkdir -p /run/netns &&
            ip link set lo up && ip link add nic0 type veth peer name nic1 && ip link set nic1 up &&
            ip addr add 10.9.0.2/24 dev nic0 && ip link set nic0 up &&
            ip route add default via 10.9.0.1 || exit 99
            for run in 1 2; do
                "$@"
                echo "run $run: $?"
            done
            nsenter --net=/run/netns/podns ip -o link | cut -d: -f2
            """;

    @TempDir
    private Path folder;

    private final List<Process> processes = new ArrayList<>();
    private int notifySocket = -1;

    @BeforeEach
    void checkThatNamespacesCanBeMade() throws Exception {
        var missing = new ArrayList<String>();
        for (String tool : List.of("unshare", "nsenter", "ip")) {
            if (run("sh", "-c", "command -v " + tool) != 0) {
                missing.add(tool);
            }
        }
        if (!missing.isEmpty()) {
            System.out.println("ForwarderProcessIT is skipped: missing commands " + missing);
        }
        assumeTrue(missing.isEmpty(), "missing commands " + missing);
        var probe = new ArrayList<>(unshare());
        probe.addAll(List.of(
                "sh", "-c", "mount -t tmpfs x /run && ip link add x type vxlan id 1 remote 10.0.0.1 dstport 4789"));
        boolean possible = run(probe.toArray(String[]::new)) == 0;
        if (!possible) {
            System.out.println(
                    "ForwarderProcessIT is skipped: this machine does not let us make a network namespace with a VXLAN link");
        }
        assumeTrue(possible, "no network namespace with a VXLAN link can be made");
        notifySocket = Libc.system().socket(Constants.AF_UNIX, Constants.SOCK_DGRAM | Constants.SOCK_CLOEXEC, 0);
        Libc.system()
                .bind(
                        notifySocket,
                        SocketAddresses.unix(folder.resolve("notify").toString()));
    }

    @AfterEach
    void endEverything() throws Exception {
        for (Process process : processes) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
        if (notifySocket >= 0) {
            Libc.system().close(notifySocket);
        }
    }

    private static List<String> unshare() {
        return Libc.system().geteuid() == 0
                ? List.of("unshare", "--net", "--mount")
                : List.of("unshare", "--user", "--map-root-user", "--net", "--mount");
    }

    private static int run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    /** The next word that is not about kept sockets, which this service manager does not keep. */
    private String received() throws ErrnoException {
        while (true) {
            assertThat(Libc.system().poll(notifySocket, Constants.POLLIN, RECEIVE_MILLIS))
                    .as("a word from the forwarder")
                    .isPositive();
            byte[] buffer = new byte[100];
            String word = new String(buffer, 0, Libc.system().recv(notifySocket, buffer, 0), StandardCharsets.US_ASCII);
            if (!word.startsWith("FDSTORE")) {
                return word;
            }
        }
    }

    private void configure() throws IOException {
        var network = new PodNetwork(
                List.of(IpPrefix.parse("10.42.3.17/24")),
                "3a:5c:11:9e:02:7f",
                "eth0",
                IpPrefix.parse("10.9.0.1/24"),
                "vxlan",
                List.of(),
                List.of(),
                1450,
                1,
                4789,
                555001,
                false,
                false);
        Files.writeString(
                folder.resolve("apf.json"),
                new ForwarderConfig(
                                Optional.of(network),
                                "default",
                                "web",
                                Optional.empty(),
                                Optional.empty(),
                                Optional.empty(),
                                Optional.empty(),
                                List.of())
                        .write());
    }

    private Process startWorld() throws IOException {
        var command = new ArrayList<>(unshare());
        command.addAll(List.of("sh", "-c", WORLD, "world"));
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xmx64m",
                "--enable-native-access=ALL-UNNAMED",
                "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path").replace(File.pathSeparatorChar, ':'),
                ForwarderMain.class.getName(),
                "-config",
                folder.resolve("apf.json").toString(),
                "-listen",
                "127.0.0.1:15150",
                "-kata-agent-socket",
                folder.resolve("agent.sock").toString(),
                "-disable-tls"));
        var builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile());
        builder.environment().put("NOTIFY_SOCKET", folder.resolve("notify").toString());
        Process process = builder.start();
        processes.add(process);
        return process;
    }

    private static ProcessHandle forwarder(Process world) {
        return world.descendants()
                .filter(process -> process.info().command().orElse("").endsWith("/java"))
                .findFirst()
                .orElseThrow();
    }

    private static String inPod(ProcessHandle forwarder, String command) throws IOException {
        Process process = new ProcessBuilder(
                        "nsenter", "--net=/proc/" + forwarder.pid() + "/root/run/netns/podns", "sh", "-c", command)
                .redirectErrorStream(true)
                .start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    @Test
    void aKilledForwarderStartsAgainAndAnAskedOneEndsCleanly() throws Exception {
        configure();
        Process world = startWorld();
        assertThat(received()).isEqualTo("READY=1");
        ProcessHandle first = forwarder(world);
        boolean root = Libc.system().geteuid() == 0;
        if (root) {
            assertThat(inPod(first, "ip addr show eth0"))
                    .contains("inet 10.42.3.17/24", "link/ether 3a:5c:11:9e:02:7f", "state");
        }
        first.destroyForcibly();
        assertThat(received()).isEqualTo("READY=1");
        ProcessHandle second = forwarder(world);
        assertThat(second.pid()).isNotEqualTo(first.pid());
        if (root) {
            assertThat(inPod(second, "ip addr show eth0")).contains("inet 10.42.3.17/24");
        }
        second.destroy();
        assertThat(received()).isEqualTo("STOPPING=1");
        assertThat(world.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(folder.resolve("log")))
                .contains("run 1: 137", "run 2: 0", "the pod's network stands")
                .doesNotContain("eth0\n")
                .doesNotContain("ERROR");
    }

    @Test
    void aStartThatFailsExitsWithOne() throws Exception {
        Process world = startWorld();
        assertThat(world.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(folder.resolve("log")))
                .contains("run 1: 1", "run 2: 1", "process-user-data (or cloud-init) must write it");
    }
}
