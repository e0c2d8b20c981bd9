// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.PodNetwork.Neighbor;
import io.peerpod.network.PodNetwork.Route;
import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Writes {@code apf.json}: the reference's keys in the reference's order, then, only for a pod with IPv6, keys of ours that the
 * reference's reader skips.
 */
final class ApfWriter {
    private final JsonText json = new JsonText();

    private ApfWriter() {}

    static String write(ForwarderConfig config) {
        PodNetwork network = config.network()
                .orElseThrow(() -> new IllegalStateException(
                        "apf.json without a pod network makes forwarders fail; none was given"));
        ApfWriter writer = new ApfWriter();
        writer.config(config, network);
        return writer.json.toString();
    }

    private void config(ForwarderConfig config, PodNetwork network) {
        json.open('{');
        json.name("pod-network");
        network(network);
        json.member("pod-namespace", config.podNamespace());
        json.member("pod-name", config.podName());
        unlessEmpty("tls-server-key", config.tlsServerKey());
        unlessEmpty("tls-server-cert", config.tlsServerCert());
        unlessEmpty("tls-client-ca", config.tlsClientCa());
        unlessEmpty("tls-min-version", config.tlsMinVersion());
        if (!config.tlsCipherSuites().isEmpty()) {
            json.name("tls-cipher-suites");
            texts(config.tlsCipherSuites());
        }
        json.close('}');
    }

    private void network(PodNetwork network) {
        if (network.addresses().isEmpty()) {
            throw new IllegalArgumentException("a pod network has at least one address; none was given");
        }
        json.open('{');
        json.member("podip", IpText.of(network.addresses().getFirst()));
        json.member("pod-hw-addr", network.macAddress());
        json.member("interface", network.interfaceName());
        json.member("worker-node-ip", IpText.of(network.workerAddress()));
        json.member("tunnel-type", network.tunnelType());
        routes("routes", network.routes(), true);
        neighbors("neighbors", network.neighbors(), true);
        json.member("mtu", network.mtu());
        json.member("index", network.index());
        if (network.vxlanPort() != 0) {
            json.member("vxlan-port", network.vxlanPort());
        }
        if (network.vxlanId() != 0) {
            json.member("vxlan-id", network.vxlanId());
        }
        json.member("dedicated", network.dedicated());
        json.member("external-net-via-pod-vm", network.externalNetViaPodVm());
        if (network.addresses().size() > 1) {
            json.name("pod-ips");
            texts(network.addresses().stream().map(IpText::of).toList());
        }
        routes("routes6", network.routes(), false);
        neighbors("neighbors6", network.neighbors(), false);
        json.close('}');
    }

    private void routes(String name, List<Route> all, boolean ipv4) {
        List<Route> routes = new ArrayList<>(all);
        routes.removeIf(route -> route.destination().isIpv4() != ipv4);
        if (list(name, routes.isEmpty(), ipv4)) {
            routes.forEach(this::route);
            json.close(']');
        }
    }

    private void route(Route route) {
        IpPrefix destination = route.destination();
        json.element();
        json.open('{');
        json.member("dst", IpText.of(destination));
        json.member("gw", route.gateway().map(IpText::of).orElse(""));
        unlessEmpty("dev", route.device());
        // A label of the route's origin; one that the format does not know would cost the whole file.
        unlessEmpty("protocol", route.protocol().filter(ApfNames.PROTOCOLS::contains));
        unlessEmpty(
                "scope",
                route.scope()
                        .map(scope -> known("scope", scope, ApfNames.SCOPES))
                        .filter(scope -> !scope.equals(ApfNames.UNIVERSE)));
        json.close('}');
    }

    private void neighbors(String name, List<Neighbor> all, boolean ipv4) {
        List<Neighbor> neighbors = new ArrayList<>(all);
        neighbors.removeIf(neighbor -> neighbor.address() instanceof Inet4Address != ipv4);
        if (list(name, neighbors.isEmpty(), ipv4)) {
            for (Neighbor neighbor : neighbors) {
                json.element();
                json.open('{');
                json.member("ip", IpText.of(neighbor.address()));
                json.member("hw-addr", neighbor.macAddress());
                json.member("dev", neighbor.device().orElse(""));
                json.member("state", known("state", neighbor.state(), ApfNames.STATES));
                json.close('}');
            }
            json.close(']');
        }
    }

    /** Opens a list; an empty one of the reference's keys is null, as Go writes it, and one of ours is left out. */
    private boolean list(String name, boolean empty, boolean always) {
        if (!empty) {
            json.name(name);
            json.open('[');
        } else if (always) {
            json.name(name);
            json.literal("null");
        }
        return !empty;
    }

    private void texts(List<String> texts) {
        json.open('[');
        for (String text : texts) {
            json.element();
            json.text(text);
        }
        json.close(']');
    }

    private void unlessEmpty(String name, Optional<String> value) {
        value.filter(text -> !text.isEmpty()).ifPresent(text -> json.member(name, text));
    }

    private static String known(String what, String value, List<String> values) {
        if (!values.contains(value)) {
            throw new IllegalArgumentException(
                    what + " '" + value + "' cannot be written to apf.json; known are " + String.join(", ", values));
        }
        return value;
    }
}
