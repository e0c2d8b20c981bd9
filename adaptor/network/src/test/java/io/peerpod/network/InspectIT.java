// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.PodNetwork.Neighbor;
import io.peerpod.network.PodNetwork.Route;
import io.peerpod.network.TunnelLab.Families;
import io.peerpod.network.TunnelLab.Pod;
import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.NeighborEntry;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectIT {
    @TempDir
    private Path folder;

    private TunnelLab lab;
    private Pod pod;
    private NetworkNamespace namespace;
    private RouteNetlink inside;

    @BeforeEach
    void setUp() throws IOException {
        Privileges.assumeNetworkAdministrator();
        lab = new TunnelLab(folder, Families.BOTH, 1500);
        pod = lab.pod(1, Families.BOTH, 1450);
        namespace = NetworkNamespace.open(pod.netns());
        inside = namespace.routeNetlink();
    }

    @AfterEach
    void tearDown() throws IOException {
        if (inside != null) {
            inside.close();
            namespace.close();
            lab.close();
        }
    }

    private PodNetwork inspect() throws IOException {
        return lab.hostNetwork.inspect(pod.netns(), lab.options());
    }

    private static Route route(String destination, String gateway, String protocol, String scope) {
        return new Route(
                IpPrefix.parse(destination),
                optional(gateway).map(IpPrefix::parseAddress),
                Optional.of("eth0"),
                optional(protocol),
                optional(scope));
    }

    private static Optional<String> optional(String text) {
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }

    private int eth0() throws IOException {
        return inside.link("eth0").orElseThrow().index();
    }

    private void add(String destination, String gateway, long metric, int protocol, int type) throws IOException {
        IpPrefix parsed = IpPrefix.parse(destination);
        inside.addRoute(new RouteEntry(
                parsed.address(),
                parsed.length(),
                optional(gateway).map(IpPrefix::parseAddress),
                type == RouteEntry.RTN_UNICAST ? eth0() : 0,
                Optional.empty(),
                metric,
                0,
                RouteEntry.RT_TABLE_MAIN,
                protocol,
                RouteEntry.RT_SCOPE_UNIVERSE,
                type,
                false));
    }

    @Test
    void aPodOfBothFamiliesIsReadInFull() throws IOException {
        inside.putNeighbor(
                new NeighborEntry(eth0(), pod.gateway(false), "02:00:00:00:00:01", NeighborEntry.NUD_PERMANENT, 0));
        PodNetwork network = inspect();
        assertThat(network.addresses()).containsExactly(IpPrefix.parse("10.42.1.5/24"), IpPrefix.parse("fd42:1::5/64"));
        assertThat(network.macAddress()).isEqualTo(TunnelLab.MAC);
        assertThat(network.interfaceName()).isEqualTo("eth0");
        assertThat(network.workerAddress()).isEqualTo(IpPrefix.parse("192.168.77.1/24"));
        assertThat(network.mtu()).isEqualTo(1450);
        assertThat(network.dedicated()).isFalse();
        assertThat(network.routes())
                .containsExactlyInAnyOrder(
                        route("10.42.1.0/24", "", "kernel", "link"),
                        route("fd42:1::/64", "", "kernel", ""),
                        route("0.0.0.0/0", "10.42.1.1", "boot", ""),
                        route("::/0", "fd42:1::1", "boot", ""));
        assertThat(network.routes().subList(2, 4))
                .allMatch(route -> route.destination().length() == 0);
        assertThat(network.neighbors())
                .containsExactly(
                        new Neighbor(pod.gateway(false), "02:00:00:00:00:01", Optional.of("eth0"), "permanent"));
    }

    @Test
    void onlyRoutesThatTheReferenceCanReadAreCarriedAndNoneTwice() throws IOException {
        add("172.16.0.0/16", "10.42.1.9", 200, RouteEntry.RTPROT_STATIC, RouteEntry.RTN_UNICAST);
        add("172.16.0.0/16", "10.42.1.8", 100, RouteEntry.RTPROT_DHCP, RouteEntry.RTN_UNICAST);
        add("172.17.0.0/16", "10.42.1.9", 0, 186 /* bgp */, RouteEntry.RTN_UNICAST);
        add("172.18.0.0/16", "", 0, RouteEntry.RTPROT_STATIC, 6 /* blackhole */);
        InspectOptions options = new InspectOptions(
                Optional.empty(),
                List.of(IpPrefix.parse("172.16.3.4/16"), IpPrefix.parse("10.0.0.0/8"), IpPrefix.parse("fd00::/8")),
                TunnelLab.PORT,
                false);
        PodNetwork network = lab.hostNetwork.inspect(pod.netns(), options);
        assertThat(network.routes())
                .filteredOn(route -> route.destination().toString().startsWith("172"))
                .containsExactly(route("172.16.0.0/16", "10.42.1.8", "dhcp", ""));
        assertThat(network.routes())
                .contains(route("10.0.0.0/8", "10.42.1.1", "", ""), route("fd00::/8", "fd42:1::1", "", ""));
    }

    @Test
    void theDefaultRouteWithTheLowestMetricChoosesTheInterface() throws IOException {
        inside.createVeth("net1", "peer", OptionalInt.of(lab.worker.descriptor()));
        TunnelLab.configure(inside, "net1", 1500, Families.IPV4, "10.99.0.5/24", "");
        int net1 = inside.link("net1").orElseThrow().index();
        InetAddress zero = InetAddress.ofLiteral("0.0.0.0");
        Optional<InetAddress> gateway = Optional.of(InetAddress.ofLiteral("10.99.0.1"));
        RouteEntry other = RouteEntry.unicast(zero, 0, gateway, net1);
        inside.addRoute(new RouteEntry(
                zero, 0, gateway, net1, Optional.empty(), 50, 0, 254, RouteEntry.RTPROT_BOOT, 0, 1, false));
        assertThat(inspect().interfaceName()).isEqualTo("eth0");
        inside.deleteRoute(RouteEntry.unicast(zero, 0, Optional.of(pod.gateway(false)), eth0()));
        assertThat(inspect().interfaceName()).isEqualTo("net1");
        inside.addRoute(other);
        add("0.0.0.0/0", "10.42.1.1", 10, RouteEntry.RTPROT_BOOT, RouteEntry.RTN_UNICAST);
        assertThat(inspect().interfaceName()).isEqualTo("net1");
    }

    @Test
    void withoutADefaultRouteTheOnlyInterfaceIsTaken() throws IOException {
        Pod lonely = lab.pod(2, Families.IPV4, 1450);
        try (NetworkNamespace other = NetworkNamespace.open(lonely.netns());
                RouteNetlink there = other.routeNetlink()) {
            Link eth0 = there.link("eth0").orElseThrow();
            there.deleteRoute(RouteEntry.unicast(
                    InetAddress.ofLiteral("0.0.0.0"), 0, Optional.of(lonely.gateway(false)), eth0.index()));
            PodNetwork network = lab.hostNetwork.inspect(lonely.netns(), lab.options());
            assertThat(network.interfaceName()).isEqualTo("eth0");
            assertThat(network.routes()).hasSize(1);
            there.createVeth("net1", "peer2", OptionalInt.of(lab.worker.descriptor()));
            TunnelLab.configure(there, "net1", 1500, Families.IPV4, "10.99.0.5/24", "");
            assertThatThrownBy(() -> lab.hostNetwork.inspect(lonely.netns(), lab.options()))
                    .hasMessageContaining("several interfaces have an address: [eth0, net1]")
                    .hasMessageContaining(lonely.netns().toString());
        }
    }

    @Test
    void aNamespaceWithoutAnyNetworkIsRefusedInWords() throws IOException {
        Path empty = folder.resolve("empty");
        NetworkNamespace.create(empty).close();
        assertThatThrownBy(() -> lab.hostNetwork.inspect(empty, lab.options()))
                .hasMessageContaining("There is no default route in the pod's network namespace " + empty);
        assertThatThrownBy(() -> lab.hostNetwork.inspect(folder.resolve("absent"), lab.options()))
                .isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void theFirstOfSeveralAddressesIsThePodsAndTheWorkers() throws IOException {
        TunnelLab.address(inside, "eth0", "10.42.1.77/24");
        TunnelLab.address(inside, "eth0", "10.43.1.77/32");
        TunnelLab.address(inside, "eth0", "fd42:1::77/64");
        TunnelLab.address(lab.onWorker, "un0", "192.168.77.200/32");
        PodNetwork network = inspect();
        assertThat(network.addresses()).containsExactly(IpPrefix.parse("10.42.1.5/24"), IpPrefix.parse("fd42:1::5/64"));
        assertThat(network.workerAddress()).isEqualTo(IpPrefix.parse("192.168.77.1/24"));
    }

    @Test
    void aWorkerInterfaceWithoutAnAddressIsRefusedInWords() throws IOException {
        Link un0 = lab.onWorker.link("un0").orElseThrow();
        for (InterfaceAddress address : lab.onWorker.addresses()) {
            if (address.link() == un0.index()) {
                lab.onWorker.deleteAddress(address);
            }
        }
        InspectOptions named = new InspectOptions(Optional.of("un0"), List.of(), TunnelLab.PORT, false);
        assertThatThrownBy(() -> lab.hostNetwork.inspect(pod.netns(), named))
                .hasMessageContaining("un0 has no address");
        InspectOptions absent = new InspectOptions(Optional.of("nope"), List.of(), TunnelLab.PORT, false);
        assertThatThrownBy(() -> lab.hostNetwork.inspect(pod.netns(), absent))
                .hasMessageContaining("no interface 'nope'");
    }

    @Test
    void anotherInterfaceThanTheDefaultRoutesIsDedicated() throws IOException {
        lab.onWorker.createVeth("dn0", "dv0", OptionalInt.of(lab.vm.descriptor()));
        TunnelLab.configure(lab.onWorker, "dn0", 1400, Families.IPV6, "", "fd88::1/64");
        InspectOptions named = new InspectOptions(Optional.of("dn0"), List.of(), TunnelLab.PORT, true);
        PodNetwork network = lab.hostNetwork.inspect(pod.netns(), named);
        assertThat(network.dedicated()).isTrue();
        assertThat(network.externalNetViaPodVm()).isTrue();
        assertThat(network.workerAddress()).isEqualTo(IpPrefix.parse("fd88::1/64"));
        assertThat(network.mtu()).isEqualTo(1330);
        TunnelPlan plan =
                new TunnelPlan(pod.netns(), network.withVxlanId(555_000, 555_000), List.of(lab.vmAddress(true)));
        assertThatThrownBy(() -> lab.hostNetwork.setUp(plan)).hasMessageContaining("needs two addresses");
    }

    @Test
    void aPathTooNarrowForThePodsFamilyIsRefusedInWords() throws IOException {
        lab.onWorker.changeLink(
                lab.onWorker.link("un0").orElseThrow(), LinkChange.nothing().andMtu(1300));
        assertThatThrownBy(this::inspect).hasMessageContaining("1250 bytes, but IPv6 needs 1280");
    }
}
