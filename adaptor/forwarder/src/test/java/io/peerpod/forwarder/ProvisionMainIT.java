// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProvisionMainIT {

    private static final String USER_DATA =
            "#cloud-config\n\nwrite_files:\n  - path: /run/peerpod/apf.json\n    content: |\n      {}\n";

    @TempDir
    private Path root;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... arguments) {
        return new ProvisionMain(
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        new PrintStream(err, true, StandardCharsets.UTF_8))
                .run(List.of(arguments));
    }

    @Test
    void noArgumentsPrintHelp() {
        assertThat(run()).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("user-data-fetch-timeout", "provision-files");
    }

    @Test
    void versionIsPrinted() {
        assertThat(run("-v")).isZero();
        assertThat(run("--version")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("process-user-data ");
    }

    @Test
    void anotherCommandAndBadFlagsAreRefused() {
        assertThat(run("provision")).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("provision-files", "'provision'");
        assertThat(run("provision-files", "-t", "5m")).isEqualTo(1);
        assertThat(run("provision-files", "--user-data-fetch-timeout=0")).isEqualTo(1);
        assertThat(run("provision-files", "--nonsense")).isEqualTo(1);
    }

    @Test
    void aMachineWithoutUserDataFails() {
        assertThat(run("provision-files", "-t", "1", "--root", root.toString())).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("no user data");
    }

    @Test
    void theFileIsFound() throws Exception {
        Path folder = Files.createDirectories(root.resolve("media/cidata"));
        Files.writeString(folder.resolve("user-data"), USER_DATA);
        assertThat(run("provision-files", "-t180", "--root=" + root)).isZero();
        assertThat(root.resolve("run/peerpod/apf.json")).hasContent("{}\n");
    }

    @Test
    void userDataThatComesLateIsWaitedFor() throws Exception {
        var requests = new AtomicInteger();
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/metadata/instance/compute/userData", exchange -> {
            byte[] body = requests.incrementAndGet() < 3
                    ? new byte[0]
                    : Base64.getEncoder().encode(USER_DATA.getBytes(StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        try {
            assertThat(run(
                            "provision-files",
                            "-t",
                            "60",
                            "--source",
                            "azure",
                            "--metadata-endpoint",
                            "http://127.0.0.1:" + server.getAddress().getPort(),
                            "--root",
                            root.toString()))
                    .isZero();
        } finally {
            server.stop(0);
        }
        assertThat(requests).hasValue(3);
        assertThat(root.resolve("run/peerpod/apf.json")).hasContent("{}\n");
    }
}
