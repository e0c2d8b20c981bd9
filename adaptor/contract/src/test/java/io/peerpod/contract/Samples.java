// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.PodNetwork.Neighbor;
import io.peerpod.network.PodNetwork.Route;
import java.util.List;
import java.util.Optional;

/** Pods as different CNI plugins leave them. */
final class Samples {
    static final Route ON_LINK = route("10.20.7.0/24", "", "kernel", "link");
    static final Route DEFAULT = route("0.0.0.0/0", "10.20.7.1", "boot", "");
    static final Route ON_LINK6 = route("fd00:20:7::/64", "", "kernel", "");
    static final Route DEFAULT6 = route("::/0", "fe80::1", "static", "");

    private Samples() {}

    static Route route(String destination, String gateway, String protocol, String scope) {
        return new Route(
                IpPrefix.parse(destination),
                Optional.of(gateway).filter(text -> !text.isEmpty()).map(IpPrefix::parseAddress),
                Optional.of("eth0"),
                Optional.of(protocol).filter(text -> !text.isEmpty()),
                Optional.of(scope).filter(text -> !text.isEmpty()));
    }

    static PodNetwork network(List<String> addresses, List<Route> routes, List<Neighbor> neighbors) {
        return new PodNetwork(
                addresses.stream().map(IpPrefix::parse).toList(),
                "0a:58:0a:14:07:05",
                "eth0",
                IpPrefix.parse("192.0.2.17/24"),
                "vxlan",
                routes,
                neighbors,
                1450,
                3,
                4789,
                555_003,
                false,
                false);
    }

    static ForwarderConfig config(PodNetwork network) {
        return new ForwarderConfig(
                Optional.of(network),
                "shop",
                "basket-7d4f",
                Optional.of("-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"),
                Optional.of("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
                Optional.of("-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"),
                Optional.empty(),
                List.of());
    }

    static ForwarderConfig ipv4() {
        return config(network(List.of("10.20.7.5/24"), List.of(ON_LINK, DEFAULT), List.of()));
    }

    static ForwarderConfig dualStack() {
        Neighbor neighbor = new Neighbor(
                IpPrefix.parseAddress("169.254.1.1"), "ee:ee:ee:ee:ee:ee", Optional.of("eth0"), "permanent");
        Neighbor neighbor6 =
                new Neighbor(IpPrefix.parseAddress("fe80::1"), "ee:ee:ee:ee:ee:ee", Optional.of("eth0"), "permanent");
        return config(network(
                List.of("10.20.7.5/32", "fd00:20:7::5/64"),
                List.of(ON_LINK, DEFAULT, ON_LINK6, DEFAULT6),
                List.of(neighbor, neighbor6)));
    }

    static ForwarderConfig ipv6() {
        return config(network(List.of("fd00:20:7::5/64"), List.of(ON_LINK6, DEFAULT6), List.of()));
    }
}
