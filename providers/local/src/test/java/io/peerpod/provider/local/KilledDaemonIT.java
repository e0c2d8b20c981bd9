// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.PodVm;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A {@code kill -9} of the process that makes or deletes a VM, at many moments: nothing is lost and nothing stays. */
final class KilledDaemonIT {
    private LocalTestCloud cloud;

    @BeforeEach
    void open() throws IOException {
        cloud = LocalTestCloud.open("10.231.0.0/24");
    }

    @AfterEach
    void close() throws IOException {
        cloud.close();
    }

    @Test
    void aVmOutlivesItsDaemonAndIsFoundAgain() throws Exception {
        Process daemon = start();
        String id = tell(daemon, "create").strip().substring("created ".length());
        kill(daemon);
        try (CloudProvider provider = cloud.connect()) {
            PodVm found = provider.find(LocalCloudIT.token(1)).orElseThrow();
            assertThat(found.id()).isEqualTo(id);
            assertThat(found.state()).isEqualTo(PodVm.State.RUNNING);
            assertThat(provider.list(LocalCloudIT.OWNER)).containsExactly(found);
            assertThat(provider.create(LocalCloudIT.token(1), LocalCloudIT.spec("")))
                    .isEqualTo(found);
            deleteAll(provider);
        }
        assertThat(cloud.leftovers()).isEmpty();
    }

    @Test
    void aKillAtAnyMomentOfACreateLosesNothing() throws Exception {
        for (int milliseconds = 0; milliseconds <= 112; milliseconds += 16) {
            Process daemon = start();
            daemon.getOutputStream().write("create".getBytes(StandardCharsets.US_ASCII));
            daemon.getOutputStream().flush();
            Thread.sleep(Duration.ofMillis(milliseconds));
            kill(daemon);
            try (CloudProvider provider = cloud.connect()) {
                Optional<PodVm> found = provider.find(LocalCloudIT.token(1));
                if (found.isEmpty()) {
                    assertThat(cloud.leftovers()).noneMatch(left -> left.startsWith("link"));
                }
                // A new daemon asks for it again, and has one that runs, unless the old one runs but for its record's
                // last word.
                if (found.filter(vm -> vm.state() == PodVm.State.FAILED).isPresent()) {
                    provider.delete(LocalCloudIT.token(1));
                }
                PodVm vm = provider.create(LocalCloudIT.token(1), LocalCloudIT.spec(""));
                assertThat(vm.addresses()).hasSize(1);
                deleteAll(provider);
            }
            awaitNothingLeft();
        }
    }

    @Test
    void aKillAtAnyMomentOfACreateLeavesNothingAfterADelete() throws Exception {
        for (int milliseconds = 8; milliseconds <= 120; milliseconds += 16) {
            Process daemon = start();
            daemon.getOutputStream().write("create".getBytes(StandardCharsets.US_ASCII));
            daemon.getOutputStream().flush();
            Thread.sleep(Duration.ofMillis(milliseconds));
            kill(daemon);
            try (CloudProvider provider = cloud.connect()) {
                deleteAll(provider);
                assertThat(provider.find(LocalCloudIT.token(1))).isEmpty();
            }
            awaitNothingLeft();
        }
    }

    @Test
    void aKillAtAnyMomentOfADeleteCanBeRepeated() throws Exception {
        for (int milliseconds = 0; milliseconds <= 40; milliseconds += 8) {
            try (CloudProvider provider = cloud.connect()) {
                provider.create(LocalCloudIT.token(1), LocalCloudIT.spec(""));
            }
            Process daemon = start();
            daemon.getOutputStream().write("delete".getBytes(StandardCharsets.US_ASCII));
            daemon.getOutputStream().flush();
            Thread.sleep(Duration.ofMillis(milliseconds));
            kill(daemon);
            try (CloudProvider provider = cloud.connect()) {
                deleteAll(provider);
                assertThat(provider.find(LocalCloudIT.token(1))).isEmpty();
            }
            awaitNothingLeft();
        }
    }

    private static void deleteAll(CloudProvider provider) throws Exception {
        while (provider.delete(LocalCloudIT.token(1)) != CloudProvider.Deletion.ABSENT) {
            Thread.sleep(Duration.ofMillis(5));
        }
    }

    /** A shell whose maker was killed ends by itself, at the end of its input. */
    private void awaitNothingLeft() throws Exception {
        Instant end = Instant.now().plus(cloud.patience());
        while (true) {
            List<String> left = cloud.leftovers();
            if (left.isEmpty()) {
                return;
            }
            assertThat(Instant.now()).as(left.toString()).isBefore(end);
            Thread.sleep(Duration.ofMillis(5));
        }
    }

    private Process start() throws Exception {
        Process daemon = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx64m",
                        "--enable-native-access=ALL-UNNAMED",
                        "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CreatingProgram.class.getName(),
                        cloud.state().toString(),
                        cloud.config().init().orElseThrow().toString(),
                        "/proc/" + ProcessHandle.current().pid() + "/fd/"
                                + cloud.network().descriptor())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertThat(line(daemon)).isEqualTo("ready");
        return daemon;
    }

    private static String tell(Process daemon, String word) throws IOException {
        daemon.getOutputStream().write(word.getBytes(StandardCharsets.US_ASCII));
        daemon.getOutputStream().flush();
        return line(daemon);
    }

    private static String line(Process daemon) throws IOException {
        BufferedReader reader = daemon.inputReader();
        String line = reader.readLine();
        return line == null ? "" : line;
    }

    private static void kill(Process daemon) throws InterruptedException {
        daemon.destroyForcibly();
        assertThat(daemon.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
}
