// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerpod.node.health.HealthPages;
import io.peerpod.node.health.HealthServer;
import io.peerpod.provider.CloudFailure;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What a monitoring system sees of a daemon. */
class HealthIT extends WorkerFixture {

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            return socket.getLocalPort();
        }
    }

    private HealthServer serve(int port) {
        return HealthServer.start(port, HealthPages.of(worker.metrics, () -> worker.unready(), () -> "nothing\n"));
    }

    private static String say(int port, String words) throws IOException {
        try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port)) {
            socket.setSoTimeout((int) Duration.ofSeconds(20).toMillis());
            socket.getOutputStream().write(words.getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String fetch(int port, String path) throws IOException {
        return say(port, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }

    @Test
    void aStartAndAStopAreInTheMetricsAndNoPodsNameIs() throws Exception {
        int port = freePort();
        try (HealthServer server = serve(port)) {
            assertThat(server).isNotNull();
            worker.create(Worker.request("a1"));
            worker.start("a1");
            worker.stop("a1");
            worker.cloud.createFailures.add(new CloudFailure.Unauthorised("wrong key"));
            worker.create(Worker.request("b2"));
            refused(() -> worker.start("b2"));
            nothingIsLeft();
            await().untilAsserted(() -> assertThat(fetch(port, "/metrics"))
                    .startsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
                    .contains(
                            "# TYPE peerpod_sandbox_starts_total counter\n",
                            "peerpod_sandbox_starts_total{outcome=\"ready\"} 1\n",
                            "peerpod_sandbox_starts_total{outcome=\"launch-failed\"} 1\n",
                            "peerpod_sandbox_stops_total{cause=\"requested\"} 1\n",
                            "peerpod_sandbox_ends_total 2\n",
                            "peerpod_cloud_calls_total{operation=\"create\",outcome=\"ok\"} 1\n",
                            "peerpod_cloud_calls_total{operation=\"create\",outcome=\"unauthorised\"} 1\n",
                            "peerpod_stage_duration_seconds_bucket{stage=\"cloud-create\",le=\"+Inf\"} 2\n",
                            "peerpod_stage_duration_seconds_count{stage=\"running\"} 1\n",
                            "peerpod_sandbox_start_duration_seconds_count 1\n",
                            "peerpod_journal_sync_duration_seconds_bucket{le=\"+Inf\"}",
                            "process_resident_memory_bytes ")
                    .doesNotContain("pod-a1", "a1\"", "NaN"));
        }
    }

    @Test
    void readinessIsTheDaemonsAndHealthIsTheProcesss() throws Exception {
        int port = freePort();
        try (HealthServer server = serve(port)) {
            assertThat(server).isNotNull();
            await().ignoreExceptions()
                    .untilAsserted(() -> assertThat(fetch(port, "/readyz")).startsWith("HTTP/1.1 200"));
            assertThat(fetch(port, "/startup?x=1")).startsWith("HTTP/1.1 200");
            worker.kill();
            assertThat(fetch(port, "/readyz")).startsWith("HTTP/1.1 503").contains("there is no daemon");
            assertThat(fetch(port, "/healthz")).startsWith("HTTP/1.1 200").endsWith("ok\n");
        }
        worker.start();
    }

    @Test
    void whoeverSpeaksNonsenseIsAnsweredOrLeftAndOthersAreServed() throws Exception {
        int port = freePort();
        try (HealthServer server = serve(port)) {
            assertThat(server).isNotNull();
            await().ignoreExceptions().until(() -> !fetch(port, "/healthz").isEmpty());
            assertThat(fetch(port, "/etc/passwd")).startsWith("HTTP/1.1 404").contains("/metrics");
            assertThat(say(port, "POST /metrics HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 405");
            assertThat(say(port, "\u0000\u0001\r\n\r\n")).startsWith("HTTP/1.1 400");
            try (Socket silent = new Socket(InetAddress.ofLiteral("127.0.0.1"), port)) {
                assertThat(silent.isConnected()).isTrue();
                assertThat(fetch(port, "/healthz")).startsWith("HTTP/1.1 200");
            }
        }
    }

    @Test
    void aPortThatAnOlderDaemonHasIsTakenWhenItIsFree() throws Exception {
        int port = freePort();
        HealthServer older = serve(port);
        await().ignoreExceptions().until(() -> !fetch(port, "/healthz").isEmpty());
        try (HealthServer newer = serve(port)) {
            assertThat(newer).isNotNull();
            older.close();
            await().ignoreExceptions()
                    .untilAsserted(() -> assertThat(fetch(port, "/healthz")).contains("ok"));
        }
    }
}
