// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.relay.RelayClient;
import io.peerpod.relay.SessionSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Real relay processes as parents of a stand-in for the daemon that writes its pid into a file. */
class DaemonParentIT {
    @Test
    void aDaemonThatIsKilledIsStartedAgainAloneAndTheParentEndsItWithItself() throws Exception {
        try (RelayProcesses relays = new RelayProcesses();
                EchoAgent agent = new EchoAgent()) {
            Process parent = relays.start("1", daemon(relays, "d"));
            SessionSpec spec = relays.spec(0, agent.port());
            try (RelayClient client = relays.await("1")) {
                client.open(spec, Duration.ofSeconds(20));
            }
            try (BusyShim shim = new BusyShim(spec.socket(), 0)) {
                for (int i = 1; i <= 2; i++) {
                    ProcessHandle.of(pid(relays, "d", i)).orElseThrow().destroyForcibly();
                }
                long last = pid(relays, "d", 3);
                answered(shim);
                parent.destroy();
                assertThat(parent.waitFor(20, TimeUnit.SECONDS)).isTrue();
                assertThat(ProcessHandle.of(last).filter(ProcessHandle::isAlive))
                        .isEmpty();
                assertThat(relays.control).doesNotExist();
            }
        }
    }

    @Test
    void aDaemonThatRefusesItsConfigurationEndsARelayWithoutPods() throws Exception {
        try (RelayProcesses relays = new RelayProcesses()) {
            Process parent = relays.start("1", "-daemon", "--", "sh", "-c", "exit 2");
            assertThat(parent.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(parent.exitValue()).isEqualTo(2);
        }
    }

    @Test
    void theNextContainersRelayTakesOverAndTheFirstOneStaysOnlyForItsDaemon() throws Exception {
        try (RelayProcesses relays = new RelayProcesses();
                EchoAgent agent = new EchoAgent()) {
            Process first = relays.start("1", daemon(relays, "first"));
            SessionSpec spec = relays.spec(0, agent.port());
            try (RelayClient client = relays.await("1")) {
                client.open(spec, Duration.ofSeconds(20));
            }
            try (BusyShim shim = new BusyShim(spec.socket(), 1)) {
                answered(shim);
                relays.start("2", daemon(relays, "second"));
                relays.await("2").close();
                answered(shim);
                assertThat(first.isAlive()).isTrue();
                assertThat(ProcessHandle.of(pid(relays, "first", 1)).map(ProcessHandle::isAlive))
                        .contains(true);
                first.destroy();
                assertThat(first.waitFor(20, TimeUnit.SECONDS)).isTrue();
                assertThat(relays.control).exists();
                answered(shim);
                shim.finish();
                assertThat(shim.failure()).isNull();
            }
        }
    }

    private static String[] daemon(RelayProcesses relays, String name) {
        return new String[] {
            "-daemon", "--", "sh", "-c", "echo $$ >> " + relays.folder.resolve(name) + "; exec sleep 600"
        };
    }

    /** The pid of the nth daemon. */
    private static long pid(RelayProcesses relays, String name, int number) throws IOException, InterruptedException {
        Path file = relays.folder.resolve(name);
        for (int i = 0; i < 4000; i++) {
            List<String> pids = Files.exists(file) ? Files.readAllLines(file) : List.of();
            if (pids.size() >= number) {
                return Long.parseLong(pids.get(number - 1));
            }
            Thread.sleep(5);
        }
        throw new IOException("daemon " + number + " was not started: " + relays.log());
    }

    private static void answered(BusyShim shim) throws InterruptedException {
        long wanted = shim.answers.get() + 20;
        for (int i = 0; i < 4000 && shim.answers.get() < wanted && shim.failure() == null; i++) {
            Thread.sleep(5);
        }
        assertThat(shim.failure()).isNull();
        assertThat(shim.answers.get()).isGreaterThanOrEqualTo(wanted);
    }
}
