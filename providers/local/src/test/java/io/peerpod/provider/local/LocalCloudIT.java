// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.provider.PodVmSpec;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is the local cloud's own, beyond the contract. */
final class LocalCloudIT {
    static final Owner OWNER = new Owner("local", "worker");

    private LocalTestCloud cloud;

    @BeforeEach
    void open() throws IOException {
        cloud = LocalTestCloud.open("10.231.0.0/24");
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        try (CloudProvider provider = cloud.connect()) {
            for (PodVm vm : provider.list(OWNER)) {
                provider.delete(vm.token());
            }
        }
        try {
            assertThat(cloud.leftovers()).isEmpty();
        } finally {
            cloud.close();
        }
    }

    @Test
    void aVmHasItsOwnNamespacesFilesAndName() throws Exception {
        cloud.use(cloud.script(
                "look",
                "echo name $(uname -n) pid $$",
                "echo files $(ls -A /run) . $(ls -A /tmp) . $(ls -A /dev/shm) . $(stat -c %a /media/cidata/user-data)",
                "echo variables $(env | sort | cut -d= -f1)",
                "cat /media/cidata/user-data",
                "for ns in net mnt uts ipc pid; do readlink /proc/self/ns/$ns; done",
                "echo processes $(ls /proc | grep -c '^[0-9]')",
                "echo looked",
                "exec sleep 86400"));
        try (CloudProvider provider = cloud.connect()) {
            provider.create(token(1), spec("the user data"));
            String console = awaitConsole(token(1), "looked");
            assertThat(console).contains("name podvm-local-1 pid 1\n").contains("the user data");
            // Nothing of the machine's /run and /tmp; the test's own scripts, which are below /tmp, show through.
            assertThat(console).containsPattern("files lock( mount)? \\. peerpod-local-cloud-\\S+ \\. \\. 600\n");
            assertThat(console).contains("variables HOME JAVA_HOME LANG PATH PEERPOD_LOCAL_VM PWD");
            for (String kind : List.of("net", "mnt", "uts", "ipc", "pid")) {
                assertThat(console)
                        .doesNotContain(Files.readSymbolicLink(Path.of("/proc/self/ns/" + kind))
                                .toString());
            }
            int processes = Integer.parseInt(console.replaceAll("(?s).*processes (\\d+).*", "$1"));
            assertThat(processes).as("processes that the VM sees").isLessThan(8);
        }
    }

    @Test
    void aVmHasOneAddressALinkRouteAndADefaultRoute() throws Exception {
        try (CloudProvider provider = cloud.connect()) {
            PodVm vm = provider.create(token(1), spec(""));
            ProcessIdentity init = cloud.record(token(1)).init().orElseThrow();
            InetAddress gateway = InetAddress.ofLiteral("10.231.0.1");
            try (NetworkNamespace inside = NetworkNamespace.open(Path.of("/proc/" + init.pid() + "/ns/net"));
                    RouteNetlink netlink = inside.routeNetlink()) {
                int nic = netlink.link("eth0").orElseThrow().index();
                assertThat(netlink.addresses())
                        .filteredOn(address ->
                                address.link() == nic && address.address().getAddress().length == 4)
                        .singleElement()
                        .satisfies(address -> {
                            assertThat(address.address())
                                    .isEqualTo(vm.addresses().getFirst());
                            assertThat(address.prefixLength()).isEqualTo(32);
                        });
                List<RouteEntry> routes = netlink.routes().stream()
                        .filter(route -> route.table() == RouteEntry.RT_TABLE_MAIN && route.link() == nic)
                        .toList();
                assertThat(routes)
                        .anySatisfy(route -> {
                            assertThat(route.isDefault()).isTrue();
                            assertThat(route.gateway()).contains(gateway);
                        })
                        .anySatisfy(route -> {
                            assertThat(route.destination()).isEqualTo(gateway);
                            assertThat(route.gateway()).isEmpty();
                        });
            }
            // There and back: the VM's kernel refuses a connection to a port that nobody listens on.
            cloud.network().run(() -> {
                try (java.net.Socket socket = new java.net.Socket()) {
                    assertThatThrownBy(() -> socket.connect(
                                    new java.net.InetSocketAddress(
                                            vm.addresses().getFirst(), 15150),
                                    10_000))
                            .isInstanceOf(java.net.ConnectException.class)
                            .hasMessageContaining("refused");
                }
            });
        }
    }

    @Test
    void fortyVmsAtTheSameTime() throws Exception {
        try (CloudProvider provider = cloud.connect();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<PodVm>> creating = new ArrayList<>();
            for (int number = 0; number < 40; number++) {
                LaunchToken token = token(number);
                creating.add(threads.submit(() -> provider.create(token, spec(""))));
            }
            Set<InetAddress> addresses = new HashSet<>();
            for (Future<PodVm> one : creating) {
                PodVm vm = one.get();
                assertThat(vm.state()).isEqualTo(PodVm.State.RUNNING);
                addresses.addAll(vm.addresses());
            }
            assertThat(addresses).hasSize(40);
            List<Future<CloudProvider.Deletion>> deleting = new ArrayList<>();
            for (int number = 0; number < 40; number++) {
                LaunchToken token = token(number);
                deleting.add(threads.submit(() -> provider.delete(token)));
            }
            for (Future<CloudProvider.Deletion> one : deleting) {
                assertThat(one.get()).isEqualTo(CloudProvider.Deletion.ABSENT);
            }
        }
    }

    @Test
    void anAddressThatAnotherLocalCloudUsesIsPassedOver() throws Exception {
        LocalTestCloud other = LocalTestCloud.open("10.231.0.0/24");
        try (CloudProvider ours = cloud.connect();
                CloudProvider theirs = new LocalCloudProvider(other.config(), cloud.network()::routeNetlink)) {
            PodVm first = theirs.create(token(1), spec(""));
            PodVm second = ours.create(token(2), spec(""));
            assertThat(second.addresses()).doesNotContainAnyElementsOf(first.addresses());
            assertThat(ours.find(token(2)).orElseThrow().addresses()).isEqualTo(second.addresses());
            assertThat(theirs.delete(token(1))).isEqualTo(CloudProvider.Deletion.ABSENT);
        } finally {
            other.close();
        }
    }

    @Test
    void aFullNetworkIsTheOperatorsTurn() throws Exception {
        cloud.close();
        cloud = LocalTestCloud.open("10.231.0.0/30");
        try (CloudProvider provider = cloud.connect()) {
            provider.create(token(1), spec(""));
            assertThat(failure(() -> provider.create(token(2), spec("")))).satisfies(failure -> {
                assertThat(failure).isInstanceOf(CloudFailure.OutOfCapacity.class);
                assertThat(failure.actor()).isEqualTo(CloudFailure.Actor.OPERATOR);
                assertThat(failure.message()).contains("LOCAL_PODVM_CIDR").contains("10.231.0.0/30");
            });
            provider.delete(token(1));
            provider.create(token(2), spec(""));
        }
    }

    @Test
    void anInitThatCannotBeExecutedIsRefusedAndLeavesNothing() throws Exception {
        Path plain = cloud.script("plain");
        Files.setPosixFilePermissions(plain, PosixFilePermissions.fromString("rw-r--r--"));
        for (Path init : List.of(plain, plain.resolveSibling("absent"), plain.getParent())) {
            cloud.use(init);
            try (CloudProvider provider = cloud.connect()) {
                assertThat(failure(() -> provider.create(token(1), spec("")))).satisfies(failure -> {
                    assertThat(failure).isInstanceOf(CloudFailure.Rejected.class);
                    assertThat(failure.actor()).isEqualTo(CloudFailure.Actor.OPERATOR);
                    assertThat(failure.message()).contains(init.toString()).contains("LOCAL_PODVM_INIT");
                });
                assertThat(provider.find(token(1))).isEmpty();
            }
        }
    }

    @Test
    void aVmWhoseInitEndsAtOnceFailsAndKeepsItsConsole() throws Exception {
        cloud.use(cloud.script("broken", "echo last words", "exit 3"));
        try (CloudProvider provider = cloud.connect()) {
            provider.create(token(1), spec(""));
            awaitConsole(token(1), "last words");
            Instant end = Instant.now().plus(cloud.patience());
            while (provider.find(token(1)).orElseThrow().state() != PodVm.State.FAILED) {
                assertThat(Instant.now()).isBefore(end);
                Thread.sleep(5);
            }
        }
    }

    @Test
    void everythingOfAVmEndsWithIt() throws Exception {
        cloud.use(cloud.script(
                "busy",
                "(setsid sh -c 'while :; do sleep 1; done' &)",
                "trap '' TERM INT HUP",
                "echo busy",
                "while :; do sleep 1; done"));
        try (CloudProvider provider = cloud.connect()) {
            provider.create(token(1), spec(""));
            awaitConsole(token(1), "busy");
            assertThat(provider.delete(token(1))).isEqualTo(CloudProvider.Deletion.ABSENT);
            assertThat(cloud.leftovers()).isEmpty();
        }
    }

    @Test
    void stateIsPrivateAndHoldsNoUserData() throws Exception {
        try (CloudProvider provider = cloud.connect()) {
            provider.create(token(1), spec("very-secret"));
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(cloud.state())))
                    .isEqualTo("rwx------");
            try (var files = Files.walk(cloud.state())) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                            .isEqualTo("rw-------");
                    assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
                            .doesNotContain("very-secret");
                }
            }
        }
    }

    @Test
    void aDamagedRecordIsNamedAndDisturbsNoOtherVm() throws Exception {
        try (CloudProvider provider = cloud.connect()) {
            provider.create(token(1), spec(""));
            provider.create(token(2), spec(""));
            Path record = cloud.state().resolve("vms/podvm-local-1/record");
            String whole = Files.readString(record);
            Files.writeString(record, "nonsense");
            assertThat(failure(() -> provider.find(token(1))).message()).contains(record.toString());
            assertThat(provider.find(token(2))).isPresent();
            provider.create(token(3), spec(""));
            assertThat(provider.list(OWNER)).extracting(PodVm::token).containsExactlyInAnyOrder(token(2), token(3));
            assertThat(provider.delete(token(2))).isEqualTo(CloudProvider.Deletion.ABSENT);
            Files.writeString(record, whole);
        }
    }

    @Test
    void aLongConsoleIsCut() throws Exception {
        Path console = Files.createTempDirectory("peerpod-console-").resolve("console.log");
        try {
            Files.write(console, new byte[(int) ConsoleTrimmer.MAX_BYTES + 1]);
            ConsoleTrimmer.trim(console);
            assertThat(console).isEmptyFile();
            assertThat(console.resolveSibling("console.log.old")).hasSize(ConsoleTrimmer.OLD_BYTES);
        } finally {
            Files.deleteIfExists(console);
            Files.deleteIfExists(console.resolveSibling("console.log.old"));
            Files.delete(console.getParent());
        }
    }

    private String awaitConsole(LaunchToken token, String text) throws Exception {
        Path console =
                cloud.state().resolve("vms").resolve(token.instanceName()).resolve("console.log");
        Instant end = Instant.now().plus(cloud.patience());
        while (true) {
            String seen = Files.readString(console);
            if (seen.contains(text)) {
                return seen;
            }
            assertThat(Instant.now()).as(seen).isBefore(end);
            Thread.sleep(Duration.ofMillis(5));
        }
    }

    private interface Call {
        Object run() throws Exception;
    }

    private static CloudFailure failure(Call call) throws Exception {
        try {
            call.run();
        } catch (CloudException e) {
            return e.failure();
        }
        throw new AssertionError("the call did not fail");
    }

    static LaunchToken token(int number) {
        return new LaunchToken("%064x".formatted(number), "podvm-local-" + number);
    }

    static PodVmSpec spec(String userData) {
        return new PodVmSpec(
                OWNER,
                "default",
                "pod",
                Instant.now(),
                userData,
                Optional.empty(),
                Optional.empty(),
                0,
                0,
                0,
                Map.of());
    }
}
