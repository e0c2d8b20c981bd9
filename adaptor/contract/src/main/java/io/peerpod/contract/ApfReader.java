// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.PodNetwork.Neighbor;
import io.peerpod.network.PodNetwork.Route;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads {@code apf.json} of either adaptor (adaptor.md 3.1, seen-with-real-peers.md 19). */
final class ApfReader {
    /** Addresses of one pod. */
    static final int MAX_ADDRESSES = 16;

    /** Routes, neighbours or cipher suites in one list. */
    static final int MAX_ELEMENTS = 1024;

    /** The kernel's limit for a device name. */
    private static final Pattern DEVICE = Pattern.compile("[^/:\\s\\p{Cntrl}]{1,15}");

    private static final Pattern MAC = Pattern.compile("[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}");
    private static final IpPrefix DEFAULT_ROUTE = IpPrefix.parse("0.0.0.0/0");
    private static final int MAX_VNI = (1 << 24) - 1;
    private static final int MIN_MTU = 68;
    private static final int MAX_MTU = 65_535;

    private ApfReader() {}

    static ForwarderConfig read(byte[] bytes) throws ContractException {
        JsonTree root = JsonTree.read(ApfNames.DOCUMENT, bytes, ForwarderConfig.MAX_BYTES);
        Optional<JsonTree> network = root.member("pod-network");
        return new ForwarderConfig(
                network.isPresent() ? Optional.of(network(network.get())) : Optional.empty(),
                text(root, "pod-namespace").orElse(""),
                text(root, "pod-name").orElse(""),
                text(root, "tls-server-key"),
                text(root, "tls-server-cert"),
                text(root, "tls-client-ca"),
                word(root, "tls-min-version", ApfNames.TLS_VERSIONS),
                texts(root, "tls-cipher-suites", MAX_ELEMENTS));
    }

    private static PodNetwork network(JsonTree tree) throws ContractException {
        List<Route> routes = new ArrayList<>();
        List<Neighbor> neighbors = new ArrayList<>();
        for (String name : List.of("routes", "routes6")) {
            for (JsonTree route : list(tree, name, MAX_ELEMENTS)) {
                routes.add(route(route));
            }
        }
        for (String name : List.of("neighbors", "neighbors6")) {
            for (JsonTree neighbor : list(tree, name, MAX_ELEMENTS)) {
                neighbors.add(neighbor(neighbor));
            }
        }
        String tunnelType = "a tunnel type such as vxlan";
        return new PodNetwork(
                addresses(tree),
                mac(tree.required("pod-hw-addr", "a hardware address")),
                device(tree.required("interface", "a device name")),
                prefix(tree.required("worker-node-ip", "an address with a prefix length")),
                nonEmpty(tree.required("tunnel-type", tunnelType), tunnelType),
                routes,
                neighbors,
                tree.required("mtu", "an MTU in bytes").integer(MIN_MTU, MAX_MTU),
                integer(tree, "index", Integer.MAX_VALUE),
                integer(tree, "vxlan-port", 65_535),
                integer(tree, "vxlan-id", MAX_VNI),
                bool(tree, "dedicated"),
                bool(tree, "external-net-via-pod-vm"));
    }

    private static List<IpPrefix> addresses(JsonTree tree) throws ContractException {
        IpPrefix first = prefix(tree.required("podip", "an address with a prefix length"));
        List<IpPrefix> addresses = new ArrayList<>();
        for (JsonTree address : list(tree, "pod-ips", MAX_ADDRESSES)) {
            addresses.add(prefix(address));
        }
        if (addresses.isEmpty()) {
            return List.of(first);
        }
        if (!addresses.getFirst().equals(first)) {
            throw new ContractException(
                    ApfNames.DOCUMENT,
                    tree.path() + ".pod-ips[0]",
                    "the address of podip, " + IpText.of(first),
                    IpText.of(addresses.getFirst()));
        }
        return addresses;
    }

    private static Route route(JsonTree tree) throws ContractException {
        Optional<JsonTree> dst = tree.member("dst");
        Optional<JsonTree> gw = tree.member("gw");
        boolean noDestination = dst.isEmpty() || dst.get().text().isEmpty();
        return new Route(
                noDestination ? DEFAULT_ROUTE : prefix(dst.get()),
                gw.isEmpty() || gw.get().text().isEmpty() ? Optional.empty() : Optional.of(address(gw.get())),
                optionalDevice(tree),
                word(tree, "protocol", ApfNames.PROTOCOLS),
                word(tree, "scope", ApfNames.SCOPES).filter(scope -> !scope.equals(ApfNames.UNIVERSE)));
    }

    private static Neighbor neighbor(JsonTree tree) throws ContractException {
        return new Neighbor(
                address(tree.required("ip", "an IP address")),
                mac(tree.required("hw-addr", "a hardware address")),
                optionalDevice(tree),
                word(tree, "state", ApfNames.STATES).orElse("none"));
    }

    private static Optional<String> optionalDevice(JsonTree tree) throws ContractException {
        Optional<JsonTree> dev = tree.member("dev");
        return dev.isEmpty() || dev.get().text().isEmpty() ? Optional.empty() : Optional.of(device(dev.get()));
    }

    private static String device(JsonTree tree) throws ContractException {
        String name = tree.text();
        if (!DEVICE.matcher(name).matches() || name.equals(".") || name.equals("..")) {
            throw tree.wrong("a device name of 1 to 15 characters without blanks, colons and slashes");
        }
        return name;
    }

    private static String mac(JsonTree tree) throws ContractException {
        if (!MAC.matcher(tree.text()).matches()) {
            throw tree.wrong("a hardware address such as 3a:5c:11:9e:02:7f");
        }
        return tree.text().toLowerCase(Locale.ROOT).replace('-', ':');
    }

    private static IpPrefix prefix(JsonTree tree) throws ContractException {
        try {
            return IpPrefix.parse(tree.text());
        } catch (IllegalArgumentException e) {
            throw tree.wrong("an address with a prefix length such as 10.42.3.17/24");
        }
    }

    private static InetAddress address(JsonTree tree) throws ContractException {
        try {
            return IpPrefix.parseAddress(tree.text());
        } catch (IllegalArgumentException e) {
            throw tree.wrong("an IP address");
        }
    }

    private static String nonEmpty(JsonTree tree, String expected) throws ContractException {
        if (tree.text().isEmpty()) {
            throw tree.wrong(expected);
        }
        return tree.text();
    }

    /** A text; empty counts as absent, as in Go. */
    private static Optional<String> text(JsonTree tree, String name) throws ContractException {
        Optional<JsonTree> member = tree.member(name);
        return member.isEmpty()
                ? Optional.empty()
                : Optional.of(member.get().text()).filter(text -> !text.isEmpty());
    }

    private static Optional<String> word(JsonTree tree, String name, List<String> known) throws ContractException {
        Optional<String> text = text(tree, name);
        if (text.isPresent() && !known.contains(text.get())) {
            throw tree.required(name, "").wrong("one of " + String.join(", ", known));
        }
        return text;
    }

    private static int integer(JsonTree tree, String name, int max) throws ContractException {
        Optional<JsonTree> member = tree.member(name);
        return member.isEmpty() ? 0 : member.get().integer(0, max);
    }

    private static boolean bool(JsonTree tree, String name) throws ContractException {
        Optional<JsonTree> member = tree.member(name);
        return member.isPresent() && member.get().bool();
    }

    private static List<JsonTree> list(JsonTree tree, String name, int max) throws ContractException {
        Optional<JsonTree> member = tree.member(name);
        return member.isEmpty() ? List.of() : member.get().elements(max);
    }

    private static List<String> texts(JsonTree tree, String name, int max) throws ContractException {
        List<String> texts = new ArrayList<>();
        for (JsonTree element : list(tree, name, max)) {
            texts.add(nonEmpty(element, "a name"));
        }
        return texts;
    }
}
