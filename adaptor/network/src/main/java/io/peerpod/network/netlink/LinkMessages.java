// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_ACK;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_CREATE;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_DUMP;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_EXCL;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_REQUEST;

import io.peerpod.network.libc.Constants;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalInt;

/** {@code RTM_*LINK}: {@code struct ifinfomsg} and {@code IFLA_*} (linux/if_link.h). */
final class LinkMessages {
    private static final int RTM_NEWLINK = 16;
    private static final int RTM_DELLINK = 17;
    private static final int RTM_GETLINK = 18;
    private static final int RTM_SETLINK = 19;
    private static final int RTM_GETNSID = 90;

    private static final int IFLA_ADDRESS = 1;
    private static final int IFLA_IFNAME = 3;
    private static final int IFLA_MTU = 4;
    private static final int IFLA_MASTER = 10;
    private static final int IFLA_TXQLEN = 13;
    private static final int IFLA_LINKINFO = 18;
    private static final int IFLA_IFALIAS = 20;
    private static final int IFLA_AF_SPEC = 26;
    private static final int IFLA_NET_NS_FD = 28;
    private static final int IFLA_EXT_MASK = 29;
    private static final int IFLA_LINK_NETNSID = 37;
    private static final int IFLA_INFO_KIND = 1;
    private static final int IFLA_INFO_DATA = 2;
    private static final int IFLA_INET6_ADDR_GEN_MODE = 8;
    private static final int IN6_ADDR_GEN_MODE_NONE = 1;
    private static final int RTEXT_FILTER_SKIP_STATS = 8;
    private static final int VETH_INFO_PEER = 1;
    private static final int NETNSA_NSID = 1;
    private static final int NETNSA_FD = 3;

    private static final int IFLA_VXLAN_ID = 1;
    private static final int IFLA_VXLAN_GROUP = 2;
    private static final int IFLA_VXLAN_TTL = 5;
    private static final int IFLA_VXLAN_TOS = 6;
    private static final int IFLA_VXLAN_LEARNING = 7;
    private static final int IFLA_VXLAN_PROXY = 11;
    private static final int IFLA_VXLAN_RSC = 12;
    private static final int IFLA_VXLAN_L2MISS = 13;
    private static final int IFLA_VXLAN_L3MISS = 14;
    private static final int IFLA_VXLAN_PORT = 15;
    private static final int IFLA_VXLAN_GROUP6 = 16;
    private static final int IFLA_VXLAN_LOCAL6 = 17;
    private static final int IFLA_VXLAN_UDP_ZERO_CSUM6_TX = 19;
    private static final int IFLA_VXLAN_UDP_ZERO_CSUM6_RX = 20;

    private LinkMessages() {}

    private static MessageWriter link(ByteOrder order, int type, int flags, int index, int set, int mask) {
        return new MessageWriter(order, type, flags)
                .u8(0)
                .u8(0)
                .u16(0)
                .u32(index)
                .u32(set)
                .u32(mask);
    }

    static MessageWriter list(ByteOrder order) {
        return link(order, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0, 0, 0)
                .u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    }

    static MessageWriter find(ByteOrder order, String name) {
        return link(order, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 0, 0, 0)
                .u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
                .text(IFLA_IFNAME, name);
    }

    static MessageWriter find(ByteOrder order, int index) {
        return link(order, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, index, 0, 0)
                .u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    }

    static MessageWriter delete(ByteOrder order, int index) {
        return link(order, RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, index, 0, 0);
    }

    /** Makes a link a port of a bridge. */
    static MessageWriter enslave(ByteOrder order, int index, int master) {
        return link(order, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, index, 0, 0).u32(IFLA_MASTER, master);
    }

    static MessageWriter change(ByteOrder order, int index, LinkChange change) {
        int up = change.up().isEmpty() ? 0 : Link.IFF_UP;
        int flags = change.up().orElse(false) ? Link.IFF_UP : 0;
        MessageWriter message = link(order, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, index, flags, up);
        change.name().ifPresent(name -> message.text(IFLA_IFNAME, name));
        change.mtu().ifPresent(mtu -> message.u32(IFLA_MTU, mtu));
        change.macAddress().ifPresent(mac -> message.bytes(IFLA_ADDRESS, MacAddresses.parse(mac)));
        change.alias().ifPresent(alias -> message.text(IFLA_IFALIAS, alias));
        change.namespace().ifPresent(descriptor -> message.u32(IFLA_NET_NS_FD, descriptor));
        if (change.withoutLinkLocalAddress()) {
            message.nested(
                    IFLA_AF_SPEC,
                    families -> families.nested(
                            Constants.AF_INET6, six -> six.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)));
        }
        return message;
    }

    /** A pair of veth interfaces; the second may be born in another namespace. */
    static MessageWriter createVeth(ByteOrder order, String name, String peerName, OptionalInt peerNamespace) {
        return link(order, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0, 0, 0)
                .text(IFLA_IFNAME, name)
                .nested(
                        IFLA_LINKINFO,
                        info -> info.text(IFLA_INFO_KIND, "veth")
                                .nested(
                                        IFLA_INFO_DATA,
                                        data -> data.nested(VETH_INFO_PEER, peer -> {
                                            peer.u8(0)
                                                    .u8(0)
                                                    .u16(0)
                                                    .u32(0)
                                                    .u32(0)
                                                    .u32(0)
                                                    .text(IFLA_IFNAME, peerName);
                                            peerNamespace.ifPresent(descriptor -> peer.u32(IFLA_NET_NS_FD, descriptor));
                                        })));
    }

    /** An interface of a kind that needs no parameters, such as {@code bridge} or {@code dummy}. */
    static MessageWriter create(ByteOrder order, String name, String kind) {
        return link(order, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0, 0, 0)
                .text(IFLA_IFNAME, name)
                .nested(IFLA_LINKINFO, info -> info.text(IFLA_INFO_KIND, kind));
    }

    static MessageWriter createVxlan(ByteOrder order, VxlanRequest request) {
        MessageWriter message =
                link(order, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0, 0, 0);
        message.text(IFLA_IFNAME, request.name()).u32(IFLA_MTU, request.mtu()).u32(IFLA_TXQLEN, 0);
        request.macAddress().ifPresent(mac -> message.bytes(IFLA_ADDRESS, MacAddresses.parse(mac)));
        request.namespace().ifPresent(descriptor -> message.u32(IFLA_NET_NS_FD, descriptor));
        return message.nested(
                IFLA_LINKINFO,
                info -> info.text(IFLA_INFO_KIND, "vxlan").nested(IFLA_INFO_DATA, data -> vxlan(data, request)));
    }

    /** What the reference's half sends too (adaptor.md 6.3); nothing is learnt, frames only go to the remote. */
    private static void vxlan(MessageWriter data, VxlanRequest request) {
        data.u32(IFLA_VXLAN_ID, request.vxlan().id());
        request.vxlan().remote().ifPresent(remote -> remote(data, remote));
        if (request.vxlan().remote().isEmpty() && request.overIpv6()) {
            // Makes it a device of the IPv6 family, to which a remote can be given later.
            data.bytes(IFLA_VXLAN_LOCAL6, new byte[16]);
        }
        data.u8(IFLA_VXLAN_TTL, 0)
                .u8(IFLA_VXLAN_TOS, 0)
                .u8(IFLA_VXLAN_LEARNING, 0)
                .u8(IFLA_VXLAN_PROXY, 0)
                .u8(IFLA_VXLAN_RSC, 0)
                .u8(IFLA_VXLAN_L2MISS, 0)
                .u8(IFLA_VXLAN_L3MISS, 0)
                .u8(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, 0)
                .u8(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 0)
                .u16BigEndian(IFLA_VXLAN_PORT, request.vxlan().port());
    }

    private static void remote(MessageWriter data, InetAddress remote) {
        data.address(remote instanceof Inet4Address ? IFLA_VXLAN_GROUP : IFLA_VXLAN_GROUP6, remote);
    }

    /** Points an existing device somewhere else; of the same family as it was made for. */
    static MessageWriter redirectVxlan(ByteOrder order, int index, InetAddress remote) {
        return link(order, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, index, 0, 0)
                .nested(
                        IFLA_LINKINFO,
                        info -> info.text(IFLA_INFO_KIND, "vxlan")
                                .nested(IFLA_INFO_DATA, data -> remote(data, remote)));
    }

    static Link parse(ByteBuffer body) {
        body.getInt();
        int index = body.getInt();
        int flags = body.getInt();
        body.getInt();
        Attributes attributes = Attributes.read(body);
        Attributes info = attributes.nested(IFLA_LINKINFO);
        Optional<String> kind = info.text(IFLA_INFO_KIND);
        OptionalInt other = attributes.i32(IFLA_LINK_NETNSID);
        return new Link(
                index,
                attributes.text(IFLA_IFNAME).orElse(""),
                attributes.i32(IFLA_MTU).orElse(0),
                flags,
                MacAddresses.format(attributes.bytes(IFLA_ADDRESS)),
                kind,
                attributes.text(IFLA_IFALIAS).filter(alias -> !alias.isEmpty()),
                kind.filter("vxlan"::equals).map(_ -> parseVxlan(info.nested(IFLA_INFO_DATA))),
                other.isPresent() ? Optional.of(other.getAsInt()) : Optional.empty());
    }

    private static Vxlan parseVxlan(Attributes data) {
        return new Vxlan(
                data.i32(IFLA_VXLAN_ID).orElse(0),
                data.u16BigEndian(IFLA_VXLAN_PORT).orElse(0),
                data.address(IFLA_VXLAN_GROUP)
                        .or(() -> data.address(IFLA_VXLAN_GROUP6))
                        .filter(remote -> !remote.isAnyLocalAddress()));
    }

    /** Asks which number the socket's namespace gives to another one; {@code struct rtgenmsg}. */
    static MessageWriter namespaceNumber(ByteOrder order, int descriptor) {
        return new MessageWriter(order, RTM_GETNSID, NLM_F_REQUEST | NLM_F_ACK)
                .u32(0)
                .u32(NETNSA_FD, descriptor);
    }

    /** The number; empty if that namespace has none. */
    static OptionalInt parseNamespaceNumber(ByteBuffer body) {
        body.getInt();
        OptionalInt number = Attributes.read(body).i32(NETNSA_NSID);
        return number.isPresent() && number.getAsInt() >= 0 ? number : OptionalInt.empty();
    }
}
