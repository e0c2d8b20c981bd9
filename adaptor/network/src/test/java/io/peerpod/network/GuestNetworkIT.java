// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.PodNetwork.Neighbor;
import io.peerpod.network.PodNetwork.Route;
import io.peerpod.network.TunnelLab.Families;
import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.NeighborEntry;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GuestNetworkIT {
    @TempDir
    private Path folder;

    private TunnelLab lab;
    private Path podns;

    @BeforeEach
    void setUp() throws IOException {
        Privileges.assumeNetworkAdministrator();
        lab = new TunnelLab(folder, Families.IPV4, 1500);
        podns = folder.resolve("podns");
    }

    @AfterEach
    void tearDown() throws IOException {
        if (lab != null) {
            lab.close();
        }
    }

    private static Route route(String destination, String gateway, String device) {
        return new Route(
                IpPrefix.parse(destination),
                gateway.isEmpty() ? Optional.empty() : Optional.of(IpPrefix.parseAddress(gateway)),
                Optional.of(device),
                Optional.of("static"),
                Optional.empty());
    }

    private static PodNetwork network(
            String name, List<String> addresses, List<Route> routes, List<Neighbor> neighbors, boolean external) {
        return new PodNetwork(
                addresses.stream().map(IpPrefix::parse).toList(),
                TunnelLab.MAC,
                name,
                IpPrefix.parse("192.168.77.1/24"),
                PodNetwork.VXLAN,
                routes,
                neighbors,
                1500,
                0,
                TunnelLab.PORT,
                555_000,
                false,
                external);
    }

    private List<String> routes() throws IOException {
        try (NetworkNamespace guest = NetworkNamespace.open(podns);
                RouteNetlink inside = guest.routeNetlink()) {
            return NamespaceView.of(inside).routes().stream()
                    .filter(route -> !route.destination().isLinkLocalAddress()
                            || route.destination().getAddress().length == 4)
                    .map(route -> new IpPrefix(route.destination(), route.prefixLength())
                            + route.gateway()
                                    .map(gateway -> " via " + gateway.getHostAddress())
                                    .orElse("")
                            + (route.onlink() ? " onlink" : ""))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void theShapeThatCloudPluginsGivePodsIsReproduced() throws Exception {
        PodNetwork network = network(
                "eth0",
                List.of("10.1.2.3/32"),
                List.of(route("0.0.0.0/0", "169.254.1.1", "eth0"), route("169.254.1.1/32", "", "eth0")),
                List.of(new Neighbor(
                        InetAddress.ofLiteral("169.254.1.1"), "02:00:00:00:00:01", Optional.of("eth0"), "permanent")),
                false);
        lab.guestNetwork.setUp(network, podns, Optional.empty());
        lab.guestNetwork.setUp(network, podns, Optional.empty());
        assertThat(routes()).containsExactly("0.0.0.0/0 via 169.254.1.1", "169.254.1.1/32");
        try (NetworkNamespace guest = NetworkNamespace.open(podns);
                RouteNetlink inside = guest.routeNetlink()) {
            Link eth0 = inside.link("eth0").orElseThrow();
            assertThat(eth0.macAddress()).isEqualTo(TunnelLab.MAC);
            assertThat(eth0.mtu()).isEqualTo(1450);
            assertThat(inside.link("lo").orElseThrow().isUp()).isTrue();
            assertThat(inside.neighbors())
                    .contains(new NeighborEntry(
                            eth0.index(),
                            InetAddress.ofLiteral("169.254.1.1"),
                            "02:00:00:00:00:01",
                            NeighborEntry.NUD_PERMANENT,
                            0));
        }
    }

    @Test
    void duplicateGatewaylessAndUncoveredRoutesAreTaken() throws Exception {
        PodNetwork network = network(
                "eth0",
                List.of("10.1.2.3/24", "fd42::3/64"),
                List.of(
                        route("0.0.0.0/0", "", "eth0"),
                        route("0.0.0.0/0", "", "eth0"),
                        route("10.8.1.2/8", "10.1.2.1", "eth0"),
                        route("10.0.0.0/8", "10.1.2.9", "eth0"),
                        route("::/0", "fe80::1", "eth0"),
                        route("fd99::/64", "fd77:7::1", "eth0"),
                        route("172.30.0.0/16", "10.66.0.1", "net1")),
                List.of(),
                false);
        lab.guestNetwork.setUp(network, podns, Optional.empty());
        lab.guestNetwork.setUp(network, podns, Optional.empty());
        assertThat(routes())
                .containsExactly(
                        "0.0.0.0/0",
                        "0:0:0:0:0:0:0:0/0 via fe80:0:0:0:0:0:0:1",
                        "10.0.0.0/8 via 10.1.2.1 onlink",
                        "fd99:0:0:0:0:0:0:0/64 via fd77:7:0:0:0:0:0:1 onlink");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "../../x", "lo", "eth0/..", "with space", "a234567890123456", ".", "e:1", "ü"})
    void aNameThatIsNoInterfaceNameIsRefused(String name) {
        PodNetwork network = network(name, List.of("10.1.2.3/24"), List.of(), List.of(), false);
        assertThatThrownBy(() -> lab.guestNetwork.setUp(network, podns, Optional.empty()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("unusable interface");
    }

    @Test
    void anInterfaceOfSomebodyElseIsNotTouched() throws Exception {
        try (NetworkNamespace guest = NetworkNamespace.create(podns);
                RouteNetlink inside = guest.routeNetlink()) {
            inside.createVeth("eth0", "peer");
            String before = TunnelLab.picture(guest);
            PodNetwork network = network("eth0", List.of("10.1.2.3/24"), List.of(), List.of(), false);
            assertThatThrownBy(() -> lab.guestNetwork.setUp(network, podns, Optional.empty()))
                    .hasMessageContaining("has an interface eth0 already");
            lab.guestNetwork.tearDown(network, podns);
            assertThat(TunnelLab.picture(guest)).isEqualTo(before);
        }
    }

    @Test
    void theVmsNetworkIsWaitedForAndTheWaitCanBeInterrupted() throws Exception {
        PodNetwork network = network("eth0", List.of("10.1.2.3/24"), List.of(), List.of(), false);
        Link nic = lab.onVm.link("en0").orElseThrow();
        lab.onVm.changeLink(nic, LinkChange.nothing().andUp(false));
        GuestNetwork impatient = new GuestNetwork(lab.vm, Duration.ofMillis(150));
        assertThatThrownBy(() -> impatient.setUp(network, podns, Optional.empty()))
                .hasMessageContaining("no way to its worker 192.168.77.1/24");

        CountDownLatch ended = new CountDownLatch(1);
        Thread waiting = Thread.ofVirtual().start(() -> {
            try {
                lab.guestNetwork.setUp(network, podns, Optional.empty());
            } catch (InterruptedException e) {
                ended.countDown();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        waiting.interrupt();
        assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();

        Thread patient = Thread.ofVirtual().start(() -> {
            try {
                lab.guestNetwork.setUp(network, podns, Optional.empty());
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        lab.onVm.changeLink(nic, LinkChange.nothing().andUp(true));
        TunnelLab.route(lab.onVm, "en0", "0.0.0.0/0", "192.168.77.1");
        patient.join();
        assertThat(TunnelLab.picture(podns)).contains("eth0 vxlan");
    }

    @Test
    void severalAddressesOfTheVmsInterfaceDoNoHarm() throws Exception {
        TunnelLab.address(lab.onVm, "en0", "192.168.77.99/24");
        TunnelLab.address(lab.onVm, "en0", "192.168.78.99/24");
        PodNetwork network = network("eth0", List.of("10.1.2.3/24"), List.of(), List.of(), false);
        lab.guestNetwork.setUp(network, podns, Optional.empty());
        assertThat(TunnelLab.picture(podns)).contains("eth0 vxlan");
    }

    @Test
    void theVmsSecondInterfaceBecomesThePodsWayOutAndComesBack() throws Exception {
        lab.onVm.createVeth("ens5", "outside", OptionalInt.of(lab.worker.descriptor()));
        TunnelLab.configure(lab.onVm, "ens5", 1500, Families.IPV4, "192.168.77.40/24", "");
        PodNetwork network = network(
                "eth0",
                List.of("10.1.2.3/24"),
                List.of(route("10.1.2.0/24", "", "eth0"), route("0.0.0.0/0", "10.1.2.1", "eth0")),
                List.of(),
                true);
        lab.guestNetwork.setUp(network, podns, Optional.empty());
        lab.guestNetwork.setUp(network, podns, Optional.empty());
        assertThat(lab.onVm.link("ens5")).isEmpty();
        assertThat(routes()).containsExactly("0.0.0.0/0 via 192.168.77.1", "10.1.2.0/24", "192.168.77.0/24");
        lab.guestNetwork.tearDown(network, podns);
        lab.guestNetwork.tearDown(network, podns);
        Link back = lab.onVm.link("ens5").orElseThrow();
        assertThat(lab.onVm.addresses())
                .filteredOn(address -> address.link() == back.index())
                .extracting(InterfaceAddress::address)
                .contains(InetAddress.ofLiteral("192.168.77.40"));
        assertThat(back.alias()).isEmpty();
    }

    @Test
    void aVmWithoutASecondInterfaceIsToldSo() throws Exception {
        PodNetwork network = network("eth0", List.of("10.1.2.3/24"), List.of(), List.of(), true);
        assertThatThrownBy(() -> lab.guestNetwork.setUp(network, podns, Optional.empty()))
                .hasMessageContaining("Give the VM a second interface");
        assertThat(TunnelLab.picture(podns)).doesNotContain("eth0");
    }

    @Test
    void anMtuOfTheRouteToTheWorkerCounts() throws Exception {
        int link = lab.onVm.link("en0").orElseThrow().index();
        RouteEntry plain = RouteEntry.unicast(InetAddress.ofLiteral("192.168.77.1"), 32, Optional.empty(), link);
        lab.onVm.addRoute(new RouteEntry(
                plain.destination(),
                plain.prefixLength(),
                plain.gateway(),
                link,
                Optional.empty(),
                0,
                1400,
                plain.table(),
                plain.protocol(),
                plain.scope(),
                plain.type(),
                false));
        PodNetwork network = network("eth0", List.of("10.1.2.3/24"), List.of(), List.of(), false);
        lab.guestNetwork.setUp(network, podns, Optional.empty());
        assertThat(TunnelLab.picture(podns)).contains("eth0 vxlan mtu 1350");
    }
}
