// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.Privileges;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RouteNetlinkIT {
    private NetworkNamespace here;
    private NetworkNamespace there;
    private RouteNetlink netlink;

    @BeforeEach
    void setUp() throws IOException {
        Privileges.assumeNetworkAdministrator();
        here = NetworkNamespace.createUnnamed();
        there = NetworkNamespace.createUnnamed();
        netlink = here.routeNetlink();
    }

    @AfterEach
    void tearDown() {
        if (netlink != null) {
            netlink.close();
            here.close();
            there.close();
        }
    }

    private Link veth(String name) throws IOException {
        netlink.createVeth(name, name + "p", OptionalInt.of(there.descriptor()));
        Link link = netlink.link(name).orElseThrow();
        netlink.changeLink(link, LinkChange.nothing().andUp(true).andMtu(1400).andMacAddress("02:00:00:00:00:0a"));
        return netlink.link(name).orElseThrow();
    }

    @Test
    void aVethPairSpansTwoNamespaces() throws IOException {
        Link link = veth("a0");
        assertThat(link.isUp()).isTrue();
        assertThat(link.mtu()).isEqualTo(1400);
        assertThat(link.macAddress()).isEqualTo("02:00:00:00:00:0a");
        assertThat(link.kind()).contains("veth");
        assertThat(link.otherNamespace()).isPresent();
        try (RouteNetlink other = there.routeNetlink()) {
            assertThat(other.links()).extracting(Link::name).containsExactlyInAnyOrder("lo", "a0p");
        }
        netlink.deleteLink(link);
        netlink.deleteLink(link);
        assertThat(netlink.link("a0")).isEmpty();
        assertThat(netlink.link(link.index())).isEmpty();
    }

    @Test
    void addressesRoutesAndNeighboursOfBothFamiliesAreWrittenAndReadBack() throws IOException {
        Link link = veth("a0");
        for (String[] one : new String[][] {{"10.1.2.3", "24", "10.1.2.1"}, {"fd00:1::3", "64", "fd00:1::1"}}) {
            InetAddress address = InetAddress.ofLiteral(one[0]);
            InetAddress gateway = InetAddress.ofLiteral(one[2]);
            InterfaceAddress wanted = new InterfaceAddress(
                    link.index(), address, Integer.parseInt(one[1]), 0, InterfaceAddress.IFA_F_NODAD);
            netlink.putAddress(wanted);
            netlink.putAddress(wanted);
            assertThat(netlink.addresses())
                    .anyMatch(a -> a.link() == link.index() && a.address().equals(address));
            InetAddress zero = InetAddress.ofLiteral(one[0].contains(":") ? "::" : "0.0.0.0");
            RouteEntry route = RouteEntry.unicast(zero, 0, Optional.of(gateway), link.index());
            netlink.addRoute(route);
            assertThatThrownBy(() -> netlink.addRoute(route))
                    .isInstanceOfSatisfying(
                            ErrnoException.class,
                            e -> assertThat(e.is(Errno.EEXIST)).isTrue());
            assertThat(netlink.routes())
                    .anyMatch(
                            r -> r.isDefault() && r.gateway().equals(Optional.of(gateway)) && r.link() == link.index());
            NeighborEntry entry =
                    new NeighborEntry(link.index(), gateway, "02:00:00:00:00:01", NeighborEntry.NUD_PERMANENT, 0);
            netlink.putNeighbor(entry);
            assertThat(netlink.neighbors()).contains(entry);
            RouteEntry way = netlink.routeTo(InetAddress.ofLiteral(one[0].contains(":") ? "2001:db8::1" : "192.0.2.1"));
            assertThat(way.link()).isEqualTo(link.index());
            assertThat(way.gateway()).contains(gateway);
            netlink.deleteRoute(route);
            netlink.deleteAddress(wanted);
        }
    }

    @Test
    void aVxlanDeviceIsBornInAnotherNamespaceAndGetsItsRemoteLater() throws IOException {
        for (String remote : List.of("192.0.2.7", "2001:db8::7")) {
            boolean six = remote.contains(":");
            VxlanRequest request = new VxlanRequest(
                    "vx0",
                    new Vxlan(555_001, 4789, Optional.empty()),
                    six,
                    1450,
                    Optional.empty(),
                    Optional.of(there.descriptor()));
            netlink.createVxlan(request);
            try (RouteNetlink other = there.routeNetlink()) {
                Link link = other.link("vx0").orElseThrow();
                assertThat(link.vxlan()).contains(new Vxlan(555_001, 4789, Optional.empty()));
                assertThat(link.mtu()).isEqualTo(1450);
                assertThat(other.numberOf(here.descriptor()))
                        .hasValue(link.otherNamespace().orElseThrow());
                other.redirectVxlan(link, InetAddress.ofLiteral(remote));
                other.changeLink(link, LinkChange.nothing().andAlias("hello").andUp(true));
                assertThat(other.link("vx0").orElseThrow().vxlan().orElseThrow().remote())
                        .contains(InetAddress.ofLiteral(remote));
                assertThat(other.link("vx0").orElseThrow().alias()).contains("hello");
                assertThatThrownBy(() -> netlink.createVxlan(new VxlanRequest(
                                "vx1", request.vxlan(), six, 1450, Optional.empty(), Optional.empty())))
                        .hasMessageContaining("EEXIST")
                        .hasMessageContaining("VNI already exists");
                other.deleteLink(link);
            }
        }
    }

    @Test
    void redirectsStandBesideFiltersOfOthers() throws IOException {
        Link from = veth("a0");
        Link to = veth("b0");
        netlink.addIngress(from);
        assertThatThrownBy(() -> netlink.addIngress(from)).hasMessageContaining("EEXIST");
        assertThat(netlink.disciplines(from)).anyMatch(QueueDiscipline::isIngress);
        netlink.addRedirect(from, to, 100);
        netlink.addRedirect(from, to, 200);
        assertThat(netlink.ingressFilters(from))
                .filteredOn(f -> f.redirectTo() != 0)
                .containsExactly(
                        new IngressFilter(from.index(), "u32", 100, 3, to.index()),
                        new IngressFilter(from.index(), "u32", 200, 3, to.index()));
        netlink.deleteIngressFilters(from, 100);
        assertThat(netlink.ingressFilters(from)).allMatch(f -> f.priority() == 200);
        netlink.deleteIngress(from);
        assertThat(netlink.disciplines(from)).noneMatch(QueueDiscipline::isIngress);
    }

    @Test
    void aMessageOfTheKernelReachesTheError() {
        assertThatThrownBy(() -> netlink.createLink("x", "no-such-kind")).hasMessageContaining("Unknown device type");
    }

    @Test
    void listsAreReadInFullWhileOthersChangeThem() throws Exception {
        Link stays = veth("a0");
        AtomicBoolean ended = new AtomicBoolean();
        Thread churn = Thread.ofPlatform().start(() -> {
            try (RouteNetlink other = here.routeNetlink()) {
                while (!ended.get()) {
                    for (int i = 0; i < 20; i++) {
                        other.createVeth("c" + i, "d" + i);
                    }
                    for (int i = 0; i < 20; i++) {
                        other.deleteLink(other.link("c" + i).orElseThrow());
                    }
                }
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        try {
            for (int i = 0; i < 300; i++) {
                assertThat(netlink.links()).extracting(Link::name).contains("lo", stays.name());
                netlink.addresses();
                netlink.routes();
            }
        } finally {
            ended.set(true);
            churn.join();
        }
    }
}
