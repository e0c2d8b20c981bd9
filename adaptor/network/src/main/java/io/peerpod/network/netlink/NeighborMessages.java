// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_ACK;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_CREATE;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_DUMP;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_REPLACE;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_REQUEST;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/** {@code RTM_*NEIGH}: {@code struct ndmsg} and {@code NDA_*} (linux/neighbour.h). */
final class NeighborMessages {
    private static final int RTM_NEWNEIGH = 28;
    private static final int RTM_GETNEIGH = 30;

    private static final int NDA_DST = 1;
    private static final int NDA_LLADDR = 2;

    private NeighborMessages() {}

    private static MessageWriter message(
            ByteOrder order, int type, int flags, int family, int link, int state, int entryFlags) {
        return new MessageWriter(order, type, flags)
                .u8(family)
                .u8(0)
                .u16(0)
                .u32(link)
                .u16(state)
                .u8(entryFlags)
                .u8(0);
    }

    static MessageWriter list(ByteOrder order, int family) {
        return message(order, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, family, 0, 0, 0);
    }

    static MessageWriter put(ByteOrder order, NeighborEntry entry) {
        return message(
                        order,
                        RTM_NEWNEIGH,
                        NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
                        AddressMessages.family(entry.address()),
                        entry.link(),
                        entry.state(),
                        entry.flags())
                .address(NDA_DST, entry.address())
                .bytes(NDA_LLADDR, MacAddresses.parse(entry.macAddress()));
    }

    static Optional<NeighborEntry> parse(ByteBuffer body) {
        body.getInt();
        int link = body.getInt();
        int state = Short.toUnsignedInt(body.getShort());
        int flags = Byte.toUnsignedInt(body.get());
        body.get();
        Attributes attributes = Attributes.read(body);
        return attributes
                .address(NDA_DST)
                .map(address -> new NeighborEntry(
                        link, address, MacAddresses.format(attributes.bytes(NDA_LLADDR)), state, flags));
    }
}
