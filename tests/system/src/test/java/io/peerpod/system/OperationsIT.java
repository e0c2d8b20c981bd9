// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.ShimHabits;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an operator asks of a node, through the processes of the distribution. */
class OperationsIT {
    private static final Path SETTINGS = Path.of("/run/peerpod.conf");
    private static final int PORT = 8000;

    private World world;

    @BeforeEach
    void makeWorld() throws Exception {
        World.require();
        Files.writeString(SETTINGS, "PROXY_TIMEOUT=1m\n");
        world = World.start(Map.of("PEERPOD_CONFIG", SETTINGS.toString()));
    }

    @AfterEach
    void takeWorldAway() throws Exception {
        Files.deleteIfExists(SETTINGS);
        if (world != null) {
            world.close();
        }
    }

    private static String fetch(String path) throws IOException {
        try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), PORT)) {
            socket.getOutputStream().write(("GET " + path + " HTTP/1.1\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String ask(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(World.installation().command("peerpod"));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(text).isZero();
        return text;
    }

    private interface Question {
        String ask() throws Exception;
    }

    private static void await(Question question, String... awaited) throws Exception {
        long end = System.nanoTime() + World.PATIENCE.toNanos();
        String answer = "";
        while (System.nanoTime() < end) {
            try {
                answer = question.ask();
            } catch (IOException e) {
                answer = e.toString();
            }
            String seen = answer;
            if (List.of(awaited).stream().allMatch(seen::contains)) {
                return;
            }
            Thread.sleep(50);
        }
        assertThat(answer).contains(awaited);
    }

    @Test
    void podsVmsAndMetricsTellOfARunningPodAndPodsDoesSoWithTheDaemonDead() throws Exception {
        await(() -> fetch("/readyz"), "HTTP/1.1 200");
        KataShim pod = world.pod("web", 1, PodAddresses.IPV4, ShimHabits.GO);
        assertThat(ask("pods")).contains("default/web", "ready", "ready, 1 connection");
        assertThat(ask("vms")).contains("podvm-web-", "default/web", "ours", "answers for it");
        assertThat(ask("vms", "--json")).contains("\"verdict\":\"ours\"");
        assertThat(fetch("/metrics"))
                .contains(
                        "peerpod_sandboxes{state=\"ready\"} 1\n",
                        "peerpod_relay_sessions{state=\"ready\"} 1\n",
                        "peerpod_cloud_calls_total{operation=\"create\",outcome=\"ok\"} 1\n",
                        "peerpod_stage_duration_seconds_count{stage=\"guest-boot\"} 1\n",
                        "peerpod_stage_duration_seconds_count{stage=\"tls\"} 1\n");
        System.out.println(fetch("/metrics")
                .lines()
                .filter(line -> line.startsWith("process_resident"))
                .toList());
        ProcessHandle daemon = ProcessHandle.of(world.node().pid()).orElseThrow();
        daemon.destroyForcibly();
        daemon.onExit().get();
        assertThat(ask("pods")).contains("default/web", "ready, 1 connection");
        assertThat(ask("why", "web")).contains("START took", "guest-boot").doesNotContain("FAILURE");
        assertThat(ask("vms", "local")).contains("ours");
        world.world().startNode(Map.of());
        await(() -> fetch("/readyz"), "HTTP/1.1 200");
        pod.stop();
        assertThat(world.sandboxesLeft()).isEmpty();
        await(() -> fetch("/metrics"), "peerpod_sandbox_ends_total 1\n");
    }

    @Test
    void settingsAreTakenWhenTheirFileChangesAndOnHangUpAndBadOnesAreRefused() throws Exception {
        Files.writeString(SETTINGS, "PROXY_TIMEOUT=2m\nPEERPOD_LOG_LEVEL=debug\nVXLAN_PORT=9000\n");
        await(
                () -> fetch("/configz"),
                "a file changed",
                "from now on: -proxy-timeout, -log-level",
                "at the next start only: -vxlan-port");
        Files.writeString(SETTINGS, "PROXY_TIMEOUT=soon\nPEERPOD_CLOUD_CREATES=0\n");
        await(() -> fetch("/configz"), "refused", "-proxy-timeout", "-cloud-creates");
        Files.writeString(SETTINGS, "PROXY_TIMEOUT=3m\n");
        new ProcessBuilder("kill", "-HUP", Long.toString(world.node().pid()))
                .start()
                .waitFor();
        await(() -> fetch("/configz"), "from now on: -proxy-timeout, -log-level");
        assertThat(fetch("/metrics")).contains("peerpod_reloads_total{outcome=\"refused\"} 1\n");
        assertThat(fetch("/readyz")).startsWith("HTTP/1.1 200");
    }
}
