// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/**
 * Every message that is sent, byte for byte, as x86_64 and as s390x write it. {@code -Dgolden=update} rewrites the file; the
 * integration tests show that the kernel takes those of the host's order.
 */
class MessageGoldenTest {
    private static final Path GOLDEN = Path.of("src/test/resources/io/peerpod/network/netlink/messages.txt");

    private static Map<String, Function<ByteOrder, MessageWriter>> messages() {
        Map<String, Function<ByteOrder, MessageWriter>> messages = new LinkedHashMap<>();
        links(messages);
        InetAddress four = InetAddress.ofLiteral("10.1.2.3");
        InetAddress six = InetAddress.ofLiteral("fd00::3");
        messages.put("list addresses", AddressMessages::list);
        messages.put("add 10.1.2.3/24", o -> AddressMessages.add(o, new InterfaceAddress(7, four, 24, 0, 0x200)));
        messages.put("add fd00::3/64", o -> AddressMessages.add(o, new InterfaceAddress(7, six, 64, 0, 0x202)));
        messages.put("delete 10.1.2.3/24", o -> AddressMessages.delete(o, new InterfaceAddress(7, four, 24, 0, 0)));
        messages.put("list routes", o -> RouteMessages.list(o, 2));
        messages.put("find route", o -> RouteMessages.find(o, four));
        messages.put("add route", o -> RouteMessages.add(o, route("10.0.0.0", 8, "10.1.2.1")));
        messages.put(
                "add route onlink",
                o -> RouteMessages.add(o, route("0.0.0.0", 0, "10.1.2.1").asOnlink()));
        messages.put("add route of mixed families", o -> RouteMessages.add(o, route("10.0.0.0", 8, "fe80::1")));
        messages.put("delete route", o -> RouteMessages.delete(o, route("fd99::", 64, "fd00::1")));
        messages.put("list neighbours", o -> NeighborMessages.list(o, 10));
        messages.put(
                "put neighbour",
                o -> NeighborMessages.put(o, new NeighborEntry(7, four, "02:00:00:00:00:01", 0x80, 0)));
        messages.put("list disciplines", o -> TrafficMessages.listDisciplines(o, 7));
        messages.put("add ingress", o -> TrafficMessages.addIngress(o, 7));
        messages.put("delete ingress", o -> TrafficMessages.deleteIngress(o, 7));
        messages.put("list filters", o -> TrafficMessages.listFilters(o, 7));
        messages.put("redirect by u32", o -> TrafficMessages.addRedirect(o, "u32", 7, 9, 0x7070));
        messages.put("redirect by matchall", o -> TrafficMessages.addRedirect(o, "matchall", 7, 9, 0x7070));
        messages.put("delete filters", o -> TrafficMessages.deleteFilters(o, 7, 0x7070));
        notrack(messages);
        return messages;
    }

    private static void notrack(Map<String, Function<ByteOrder, MessageWriter>> messages) {
        int count = NotrackMessages.batch(ByteOrder.BIG_ENDIAN, NotrackMessages.create(ByteOrder.BIG_ENDIAN))
                .size();
        for (int i = 0; i < count; i++) {
            int number = i;
            messages.put(
                    "untracked table, message " + number,
                    o -> NotrackMessages.batch(o, NotrackMessages.create(o)).get(number));
        }
        InetAddress six = InetAddress.ofLiteral("2001:db8::7");
        messages.put("untrack", o -> NotrackMessages.put(o, InetAddress.ofLiteral("192.0.2.7"), 4789));
        messages.put("track again", o -> NotrackMessages.delete(o, six, 4789));
        messages.put("list untracked", o -> NotrackMessages.list(o, six));
    }

    private static void links(Map<String, Function<ByteOrder, MessageWriter>> messages) {
        messages.put("list links", LinkMessages::list);
        messages.put("find link by name", o -> LinkMessages.find(o, "eth0"));
        messages.put("find link by number", o -> LinkMessages.find(o, 7));
        messages.put("delete link", o -> LinkMessages.delete(o, 7));
        messages.put(
                "link up", o -> LinkMessages.change(o, 7, LinkChange.nothing().andUp(true)));
        messages.put(
                "link down", o -> LinkMessages.change(o, 7, LinkChange.nothing().andUp(false)));
        LinkChange much = LinkChange.nothing()
                .andName("eth1")
                .andMtu(1450)
                .andMacAddress("02:42:0a:00:00:05")
                .andAlias("peerpods")
                .andNamespace(33)
                .andNoLinkLocalAddress();
        messages.put("link changed in all ways", o -> LinkMessages.change(o, 7, much));
        messages.put("create veth", o -> LinkMessages.createVeth(o, "a0", "b0", OptionalInt.of(33)));
        messages.put("create bridge", o -> LinkMessages.create(o, "br0", "bridge"));
        messages.put("create vxlan over IPv4", o -> LinkMessages.createVxlan(o, vxlan("192.0.2.7", false)));
        messages.put("create vxlan over IPv6", o -> LinkMessages.createVxlan(o, vxlan("2001:db8::7", true)));
        messages.put("reserve vxlan over IPv4", o -> LinkMessages.createVxlan(o, vxlan("", false)));
        messages.put("reserve vxlan over IPv6", o -> LinkMessages.createVxlan(o, vxlan("", true)));
        messages.put("point vxlan", o -> LinkMessages.redirectVxlan(o, 7, InetAddress.ofLiteral("192.0.2.7")));
        messages.put("number of a namespace", o -> LinkMessages.namespaceNumber(o, 33));
    }

    private static VxlanRequest vxlan(String remote, boolean overIpv6) {
        Optional<InetAddress> address =
                remote.isEmpty() ? Optional.empty() : Optional.of(InetAddress.ofLiteral(remote));
        Vxlan vxlan = new Vxlan(555_001, 4789, address);
        return new VxlanRequest("vxlan1", vxlan, overIpv6, 1450, Optional.of("02:42:0a:00:00:05"), Optional.of(33));
    }

    private static RouteEntry route(String destination, int length, String gateway) {
        return RouteEntry.unicast(
                InetAddress.ofLiteral(destination), length, Optional.of(InetAddress.ofLiteral(gateway)), 7);
    }

    private static String render() {
        StringBuilder text = new StringBuilder();
        messages().forEach((name, message) -> {
            for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
                text.append(name)
                        .append(order == ByteOrder.BIG_ENDIAN ? " | big | " : " | little | ")
                        .append(HexFormat.of().formatHex(message.apply(order).finish(0x01020304)))
                        .append('\n');
            }
        });
        return text.toString();
    }

    @Test
    void messagesAreByteForByteTheGoldenOnes() throws IOException {
        if (System.getProperty("golden", "").equals("update")) {
            Files.createDirectories(GOLDEN.getParent());
            Files.writeString(GOLDEN, render());
        }
        assertThat(render()).isEqualTo(Files.readString(GOLDEN));
    }

    private static ByteBuffer body(MessageWriter message) {
        byte[] bytes = message.finish(1);
        return ByteBuffer.wrap(bytes, 16, bytes.length - 16).slice().order(message.order());
    }

    @Test
    void whatIsWrittenIsReadBackInEitherOrder() {
        for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
            Link link = LinkMessages.parse(body(LinkMessages.createVxlan(order, vxlan("2001:db8::7", true))));
            assertThat(link.name()).isEqualTo("vxlan1");
            assertThat(link.mtu()).isEqualTo(1450);
            assertThat(link.macAddress()).isEqualTo("02:42:0a:00:00:05");
            assertThat(link.vxlan())
                    .contains(new Vxlan(555_001, 4789, Optional.of(InetAddress.ofLiteral("2001:db8::7"))));
            InterfaceAddress address = new InterfaceAddress(7, InetAddress.ofLiteral("10.1.2.3"), 24, 0, 0x200);
            assertThat(AddressMessages.parse(body(AddressMessages.add(order, address))))
                    .contains(address);
            RouteEntry mixed = route("10.0.0.0", 8, "fe80::1").asOnlink();
            assertThat(RouteMessages.parse(body(RouteMessages.add(order, mixed))))
                    .contains(mixed);
            NeighborEntry neighbor =
                    new NeighborEntry(7, InetAddress.ofLiteral("fd00::1"), "02:00:00:00:00:01", 0x80, 0);
            assertThat(NeighborMessages.parse(body(NeighborMessages.put(order, neighbor))))
                    .contains(neighbor);
            for (String kind : new String[] {"u32", "matchall"}) {
                assertThat(TrafficMessages.parseFilter(body(TrafficMessages.addRedirect(order, kind, 7, 9, 0x7070))))
                        .isEqualTo(new IngressFilter(7, kind, 0x7070, 3, 9));
            }
            assertThat(TrafficMessages.parseDiscipline(body(TrafficMessages.addIngress(order, 7))))
                    .isEqualTo(new QueueDiscipline(7, "ingress", TrafficMessages.TC_H_INGRESS));
        }
    }

    @Test
    void truncatedAttributesEndTheListWithoutAFailure() {
        byte[] bytes = LinkMessages.createVxlan(ByteOrder.LITTLE_ENDIAN, vxlan("192.0.2.7", false))
                .finish(1);
        for (int length = 16 + 16; length < bytes.length; length++) {
            ByteBuffer cut = ByteBuffer.wrap(bytes, 16, length - 16).slice().order(ByteOrder.LITTLE_ENDIAN);
            assertThat(LinkMessages.parse(cut)).isNotNull();
        }
    }
}
