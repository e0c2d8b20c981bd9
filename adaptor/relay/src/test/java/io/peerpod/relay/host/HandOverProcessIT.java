// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.relay.RelayClient;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.TestCertificates;
import io.peerpod.relay.guest.GuestLimits;
import io.peerpod.relay.guest.GuestRelay;
import io.peerpod.relay.guest.GuestRelayConfig;
import io.peerpod.relay.guest.RequestEditor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Relay processes that take over from one another under full traffic, and that are killed while they do. */
class HandOverProcessIT {
    private static final int SHIMS = 50;
    private static final int TLS_SHIMS = 10;
    private static final TestCertificates.Identity CLIENT = TestCertificates.client();
    private static final TestCertificates.Identity AUTHORITY = TestCertificates.authority();
    private static final Duration BUDGET = Duration.ofSeconds(30);

    @Test
    void fiftyBusyConnectionsLoseNothingWhenTheRelayIsReplacedAgainAndAgain() throws Exception {
        try (RelayProcesses relays = new RelayProcesses();
                EchoAgent agent = new EchoAgent()) {
            Process running = relays.start("0");
            List<BusyShim> shims = talk(relays, number -> relays.spec(number, agent.port()), "0", SHIMS);
            List<Long> pauses = new ArrayList<>();
            for (int i = 1; i <= 5; i++) {
                answered(shims, 20);
                shims.forEach(shim -> shim.longestNanos.set(0));
                Process next = relays.start(String.valueOf(i), "-take-over");
                try (RelayClient client = relays.await(String.valueOf(i))) {
                    assertThat(client.info().processId()).isEqualTo(next.pid());
                    assertThat(client.info().sessions()).isEqualTo(SHIMS);
                }
                assertThat(running.waitFor(10, TimeUnit.SECONDS)).isTrue();
                running = next;
                answered(shims, 20);
                pauses.addAll(pauses(shims));
            }
            finish(shims);
            report("over plain TCP", pauses, shims);
            relays.log()
                    .lines()
                    .filter(line -> line.contains("handed over") && line.contains("sessions=" + SHIMS))
                    .forEach(System.out::println);
            assertThat(agent.connections())
                    .as("the guests saw no new connection")
                    .hasSize(2 * SHIMS);
            closeAll(shims);
        }
    }

    @Test
    void sessionsWithOurForwarderGoOnOverNewConnections() throws Exception {
        List<AutoCloseable> guests = new ArrayList<>();
        try (RelayProcesses relays = new RelayProcesses()) {
            Process running = relays.start("0");
            List<BusyShim> shims =
                    talk(relays, number -> tlsSpec(relays, number, guest(relays, number, guests)), "0", TLS_SHIMS);
            List<Long> pauses = new ArrayList<>();
            for (int i = 1; i <= 3; i++) {
                answered(shims, 20);
                shims.forEach(shim -> shim.longestNanos.set(0));
                Process next = relays.start(String.valueOf(i), "-take-over");
                relays.await(String.valueOf(i)).close();
                assertThat(running.waitFor(10, TimeUnit.SECONDS)).isTrue();
                running = next;
                answered(shims, 20);
                pauses.addAll(pauses(shims));
            }
            finish(shims);
            report("over TLS", pauses, shims);
            closeAll(shims);
        } finally {
            for (AutoCloseable guest : guests) {
                guest.close();
            }
        }
    }

    private static GuestRelay guest(RelayProcesses relays, int number, List<AutoCloseable> guests) throws IOException {
        Path socket = relays.folder.resolve("agent" + number);
        guests.addFirst(new EchoAgent(socket));
        GuestRelay guest = GuestRelay.start(
                new GuestRelayConfig(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        socket,
                        Optional.of(RelayChain.guestTls(TestCertificates.server(AUTHORITY, RelayChain.NAME), CLIENT)),
                        GuestLimits.DEFAULT),
                RequestEditor.NONE);
        guests.addFirst(guest);
        return guest;
    }

    private static SessionSpec tlsSpec(RelayProcesses relays, int number, GuestRelay guest) throws IOException {
        SessionSpec plain = relays.spec(number, guest.address().getPort());
        return new SessionSpec(
                plain.sandboxId(),
                plain.socket(),
                plain.addresses(),
                plain.port(),
                Optional.of(TestCertificates.files(relays.folder, CLIENT, AUTHORITY)),
                RelayChain.NAME);
    }

    private static List<Long> pauses(List<BusyShim> shims) {
        return shims.stream()
                .filter(BusyShim::isSmall)
                .map(shim -> shim.longestNanos.get() / 1_000_000)
                .toList();
    }

    private static void report(String what, List<Long> pauses, List<BusyShim> shims) {
        List<Long> sorted = pauses.stream().sorted().toList();
        System.out.println("longest call around a hand-over " + what + ", ms: p50 " + sorted.get(sorted.size() / 2)
                + ", max " + sorted.getLast() + "; "
                + shims.stream().mapToLong(shim -> shim.answers.get()).sum() + " answers, "
                + (shims.stream().mapToLong(shim -> shim.bytes.get()).sum() >> 20) + " MiB");
    }

    @Test
    void aSuccessorThatIsKilledAnywhereChangesNothing() throws Exception {
        try (RelayProcesses relays = new RelayProcesses();
                EchoAgent agent = new EchoAgent()) {
            Process running = relays.start("old");
            List<BusyShim> shims = talk(relays, number -> relays.spec(number, agent.port()), "old", 10);
            Random random = new Random(7);
            int survived = 0;
            for (int i = 0; i < 8 && running.isAlive(); i++) {
                Process next = relays.start("new", "-take-over");
                long asked = asked(relays, i + 1);
                Thread.sleep(asked == 0 ? 0 : random.nextInt(40));
                next.destroyForcibly().waitFor();
                if (!running.isAlive()) {
                    break; // It was the owner already: that is a relay that was killed, another test's matter.
                }
                survived++;
                answered(shims, 20);
            }
            assertThat(survived).isPositive();
            if (running.isAlive()) {
                relays.start("last", "-take-over");
                relays.await("last").close();
                answered(shims, 20);
                finish(shims);
            }
            closeAll(shims);
        }
    }

    private static long asked(RelayProcesses relays, int times) throws IOException, InterruptedException {
        for (int i = 0; i < 6000; i++) {
            if (relays.log()
                            .lines()
                            .filter(line -> line.contains("a successor asks for everything"))
                            .count()
                    >= times) {
                return 1;
            }
            Thread.sleep(5);
        }
        throw new IOException("no successor asked: " + relays.log());
    }

    private interface Specs {
        SessionSpec of(int number) throws IOException;
    }

    private static List<BusyShim> talk(RelayProcesses relays, Specs specs, String build, int count) throws Exception {
        List<BusyShim> shims = new ArrayList<>();
        try (RelayClient client = relays.await(build)) {
            for (int i = 0; i < count; i++) {
                SessionSpec spec = specs.of(i);
                client.open(spec, BUDGET);
                shims.add(new BusyShim(spec.socket(), i));
            }
        }
        return shims;
    }

    /** Waits until each has had this many more answers, and fails with the first that failed. */
    private static void answered(List<BusyShim> shims, int more) throws InterruptedException {
        long[] wanted =
                shims.stream().mapToLong(shim -> shim.answers.get() + more).toArray();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        for (int i = 0; i < wanted.length; i++) {
            BusyShim shim = shims.get(i);
            while (shim.answers.get() < wanted[i] && shim.failure() == null && System.nanoTime() < deadline) {
                Thread.sleep(5);
            }
            assertThat(shim.failure())
                    .as("shim %d of %s", i, Arrays.toString(wanted))
                    .isNull();
            assertThat(shim.answers.get()).as("answers of shim %d", i).isGreaterThanOrEqualTo(wanted[i]);
        }
    }

    private static void finish(List<BusyShim> shims) throws InterruptedException {
        for (BusyShim shim : shims) {
            shim.finish();
            assertThat(shim.failure()).isNull();
        }
    }

    private static void closeAll(List<BusyShim> shims) throws IOException {
        for (BusyShim shim : shims) {
            shim.close();
        }
    }
}
