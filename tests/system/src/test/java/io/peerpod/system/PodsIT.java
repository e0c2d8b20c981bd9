// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.doubles.ContainerRequest;
import io.peerpod.doubles.HypervisorClient;
import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.PodNamespaces;
import io.peerpod.doubles.PodRequest;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimObserver;
import io.peerpod.doubles.ShimProcess;
import io.peerpod.doubles.WireStatusException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Pods from CreateVM to the last trace, through the processes of the distribution. */
class PodsIT {
    private static final int BURST = 20;
    private static final Set<PosixFilePermission> OTHERS = PosixFilePermissions.fromString("---rwxrwx");

    private World world;

    @BeforeEach
    void makeWorld() throws Exception {
        world = World.start(Map.of());
    }

    @AfterEach
    void takeWorldAway() throws Exception {
        if (world != null) {
            world.close();
        }
    }

    @Test
    void twentyPodsAtOnceStartAndLeaveNothing() throws Exception {
        List<Future<KataShim>> starting = new ArrayList<>();
        try (ExecutorService shims = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < BURST; i++) {
                int number = i;
                ShimHabits habits = i % 2 == 0 ? ShimHabits.GO : ShimHabits.RUNTIME_RS;
                starting.add(shims.submit(() -> world.pod("burst-" + number, number, PodAddresses.IPV4, habits)));
            }
            for (Future<KataShim> pod : starting) {
                pod.get().stop();
            }
        }
        assertThat(world.sandboxesLeft()).isEmpty();
        assertThat(world.leftovers()).isEmpty();
    }

    @Test
    void aPodHasTheAddressesOfItsFamiliesAndNoOthers() throws Exception {
        int number = 0;
        for (PodAddresses families : PodAddresses.values()) {
            number++;
            if (families != PodAddresses.IPV4 && !PodNamespaces.hasIpv6()) {
                System.out.println("SKIPPED " + families + ": this kernel has no IPv6");
                continue;
            }
            KataShim pod = world.pod("family-" + number, number, families, ShimHabits.GO);
            ShimProcess shown = pod.run(ContainerRequest.of(
                    "addresses", "/bin/sh", "-c", "cat /proc/net/fib_trie /proc/net/if_inet6 2>/dev/null; exit 0"));
            assertThat(shown.awaitExit(World.PATIENCE)).isZero();
            String ipv4 = "10.88.0." + (10 + number);
            assertThat(shown.stdout().contains(ipv4))
                    .as(families + ": " + shown.stdout())
                    .isEqualTo(families != PodAddresses.IPV6);
            String ipv6 = "fd0000880000000000000000000000" + (10 + number);
            assertThat(shown.stdout().contains(ipv6))
                    .as(families + ": " + shown.stdout())
                    .isEqualTo(families != PodAddresses.IPV4);
            pod.stop();
        }
        assertThat(world.sandboxesLeft()).isEmpty();
    }

    @Test
    void noKeyIsReadableByOthersAndNoneIsInThePodsFolder() throws Exception {
        KataShim pod = world.pod("secretive", 0, PodAddresses.IPV4, ShimHabits.GO);
        Path state = Path.of("/run/peerpod/state");
        assertThat(Files.getPosixFilePermissions(state)).doesNotContainAnyElementsOf(OTHERS);
        try (Stream<Path> files = Files.walk(state)) {
            for (Path file : files.toList()) {
                assertThat(Files.getPosixFilePermissions(file))
                        .as(file.toString())
                        .doesNotContainAnyElementsOf(OTHERS);
            }
        }
        try (Stream<Path> files = Files.walk(Path.of("/run/peerpod/pods"))) {
            assertThat(files.filter(Files::isRegularFile))
                    .as("plain files in the pods folder")
                    .isEmpty();
        }
        for (Path log : List.of(world.node().log(), state.resolve("relay.log"))) {
            assertThat(Files.readString(log)).doesNotContain("PRIVATE KEY", "write_files");
        }
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            for (Path process : processes
                    .filter(p -> p.getFileName().toString().matches("[0-9]+"))
                    .toList()) {
                Path line = process.resolve("cmdline");
                if (Files.exists(line)) {
                    assertThat(Files.readString(line, java.nio.charset.StandardCharsets.ISO_8859_1))
                            .doesNotContain("PRIVATE KEY");
                }
            }
        }
        pod.stop();
    }

    @Test
    void aPodLivesThroughTheDaemonsDeathAndIsStoppedByTheNextDaemon() throws Exception {
        KataShim pod = world.pod("survivor", 0, PodAddresses.IPV4, ShimHabits.GO);
        ShimProcess counting = pod.run(ContainerRequest.of(
                "counting", "/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do read line; echo got $line; done"));
        counting.writeStdin("before\n".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        counting.awaitOutput("got before", World.PATIENCE);
        world.killAndRestartNode();
        counting.writeStdin("after\n".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        counting.awaitOutput("got after", World.PATIENCE);
        pod.stop();
        assertThat(world.sandboxesLeft()).isEmpty();
        assertThat(world.leftovers()).isEmpty();
    }

    @Test
    void aStopOfWhatWasNeverThereSucceeds() throws Exception {
        try (HypervisorClient client = new HypervisorClient(NodeProcess.SOCKET, ShimHabits.GO)) {
            client.stopVm(PodRequest.freshId());
        }
    }

    @Test
    void aShimThatAsksForNonsenseIsToldSoAndOtherPodsAreUndisturbed() throws Exception {
        KataShim bystander = world.pod("bystander", 0, PodAddresses.IPV4, ShimHabits.GO);
        Path nowhere = Path.of("/run/netns/not-there");
        KataShim lost =
                new KataShim(ShimHabits.GO, NodeProcess.SOCKET, PodRequest.of("lost", nowhere), ShimObserver.NONE);
        assertThatThrownBy(lost::createVm)
                .isInstanceOf(WireStatusException.class)
                .hasMessageContaining(nowhere.toString());
        ShimProcess echo = bystander.run(ContainerRequest.of("echo", "/bin/sh", "-c", "echo still here; exit 5"));
        assertThat(echo.awaitExit(World.PATIENCE)).isEqualTo(5);
        assertThat(echo.stdout()).isEqualTo("still here\n");
        bystander.stop();
        assertThat(world.sandboxesLeft()).isEmpty();
    }
}
