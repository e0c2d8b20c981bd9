// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_ACK;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_CREATE;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_DUMP;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_EXCL;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_REQUEST;

import io.peerpod.network.libc.Constants;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;

/** {@code RTM_*ROUTE}: {@code struct rtmsg} and {@code RTA_*} (linux/rtnetlink.h). */
final class RouteMessages {
    private static final int RTM_NEWROUTE = 24;
    private static final int RTM_DELROUTE = 25;
    private static final int RTM_GETROUTE = 26;

    private static final int RTA_DST = 1;
    private static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;
    private static final int RTA_PRIORITY = 6;
    private static final int RTA_PREFSRC = 7;
    private static final int RTA_METRICS = 8;
    private static final int RTA_MULTIPATH = 9;
    private static final int RTA_TABLE = 15;
    private static final int RTA_VIA = 18;
    private static final int RTAX_MTU = 2;
    private static final int RTNH_F_ONLINK = 4;
    private static final int RTM_F_CLONED = 0x200;

    /** {@code struct rtnexthop}: length, flags, hops, interface. */
    private static final int NEXT_HOP_BYTES = 8;

    private RouteMessages() {}

    static MessageWriter list(ByteOrder order, int family) {
        return new MessageWriter(order, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP)
                .u8(family)
                .raw(new byte[7])
                .u32(0);
    }

    /** Asks which way the kernel would send to that address. */
    static MessageWriter find(ByteOrder order, InetAddress destination) {
        return new MessageWriter(order, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK)
                .u8(AddressMessages.family(destination))
                .u8(destination.getAddress().length * 8)
                .raw(new byte[6])
                .u32(0)
                .address(RTA_DST, destination);
    }

    static MessageWriter add(ByteOrder order, RouteEntry route) {
        return message(order, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, route);
    }

    static MessageWriter delete(ByteOrder order, RouteEntry route) {
        return message(order, RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, route);
    }

    private static MessageWriter message(ByteOrder order, int type, int flags, RouteEntry route) {
        int family = AddressMessages.family(route.destination());
        MessageWriter message = new MessageWriter(order, type, flags)
                .u8(family)
                .u8(route.prefixLength())
                .u8(0)
                .u8(0)
                .u8(route.table())
                .u8(route.protocol())
                .u8(route.scope())
                .u8(route.type())
                .u32(route.onlink() ? RTNH_F_ONLINK : 0);
        if (!route.isDefault()) {
            message.address(RTA_DST, route.destination());
        }
        route.gateway().ifPresent(gateway -> gateway(message, family, gateway));
        if (route.link() != 0) {
            message.u32(RTA_OIF, route.link());
        }
        route.source().ifPresent(source -> message.address(RTA_PREFSRC, source));
        if (route.metric() != 0) {
            message.u32(RTA_PRIORITY, route.metric());
        }
        if (route.mtu() != 0) {
            message.nested(RTA_METRICS, metrics -> metrics.u32(RTAX_MTU, route.mtu()));
        }
        return message;
    }

    private static void gateway(MessageWriter message, int family, InetAddress gateway) {
        int gatewayFamily = AddressMessages.family(gateway);
        if (gatewayFamily == family) {
            message.address(RTA_GATEWAY, gateway);
        } else {
            message.nested(RTA_VIA, via -> via.u16(gatewayFamily).raw(gateway.getAddress()));
        }
    }

    static Optional<RouteEntry> parse(ByteBuffer body) {
        int family = Byte.toUnsignedInt(body.get());
        int prefixLength = Byte.toUnsignedInt(body.get());
        body.getShort();
        int shortTable = Byte.toUnsignedInt(body.get());
        int protocol = Byte.toUnsignedInt(body.get());
        int scope = Byte.toUnsignedInt(body.get());
        int type = Byte.toUnsignedInt(body.get());
        int flags = body.getInt();
        if (family != Constants.AF_INET && family != Constants.AF_INET6) {
            return Optional.empty();
        }
        Attributes attributes = Attributes.read(body);
        NextHop hop = firstHop(attributes, flags);
        return Optional.of(new RouteEntry(
                attributes.address(RTA_DST).orElseGet(() -> zero(family)),
                prefixLength,
                hop.gateway,
                hop.link,
                attributes.address(RTA_PREFSRC),
                attributes.u32(RTA_PRIORITY).orElse(0),
                attributes.nested(RTA_METRICS).i32(RTAX_MTU).orElse(0),
                attributes.i32(RTA_TABLE).orElse(shortTable),
                protocol,
                scope,
                type,
                (hop.flags & RTNH_F_ONLINK) != 0));
    }

    private record NextHop(Optional<InetAddress> gateway, int link, int flags) {}

    /** A multipath route is taken by its first hop: a tunnel has one way only. */
    private static NextHop firstHop(Attributes attributes, int flags) {
        ByteBuffer hops = attributes.buffer(RTA_MULTIPATH);
        if (hops.remaining() >= NEXT_HOP_BYTES) {
            int length = Short.toUnsignedInt(hops.getShort());
            int hopFlags = Byte.toUnsignedInt(hops.get());
            hops.get();
            int link = hops.getInt();
            hops.limit(Math.clamp(length, NEXT_HOP_BYTES, hops.limit()));
            return new NextHop(gateway(Attributes.read(hops)), link, hopFlags);
        }
        return new NextHop(gateway(attributes), attributes.i32(RTA_OIF).orElse(0), flags);
    }

    private static Optional<InetAddress> gateway(Attributes attributes) {
        return attributes
                .address(RTA_GATEWAY)
                .or(() -> attributes
                        .bytes(RTA_VIA)
                        .filter(via -> via.length > 2)
                        .flatMap(via -> Attributes.toAddress(Arrays.copyOfRange(via, 2, via.length))))
                .filter(gateway -> !gateway.isAnyLocalAddress());
    }

    /** Whether the message describes a cached copy (an exception learnt for one destination), not a route of the table. */
    static boolean isCached(ByteBuffer body) {
        return (body.getInt(body.position() + 8) & RTM_F_CLONED) != 0;
    }

    private static InetAddress zero(int family) {
        try {
            return InetAddress.getByAddress(new byte[family == Constants.AF_INET ? 4 : 16]);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }
}
