// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_ACK;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_CREATE;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_DUMP;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_REPLACE;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_REQUEST;

import io.peerpod.network.libc.Constants;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/** {@code RTM_*ADDR}: {@code struct ifaddrmsg} and {@code IFA_*} (linux/if_addr.h). */
final class AddressMessages {
    private static final int RTM_NEWADDR = 20;
    private static final int RTM_DELADDR = 21;
    private static final int RTM_GETADDR = 22;

    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final int IFA_BROADCAST = 4;
    private static final int IFA_FLAGS = 8;

    /** From this prefix length on an IPv4 subnet has no broadcast address. */
    private static final int FIRST_LENGTH_WITHOUT_BROADCAST = 31;

    private AddressMessages() {}

    static int family(InetAddress address) {
        return address instanceof Inet4Address ? Constants.AF_INET : Constants.AF_INET6;
    }

    static MessageWriter list(ByteOrder order) {
        return new MessageWriter(order, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP)
                .u8(0)
                .u8(0)
                .u8(0)
                .u8(0)
                .u32(0);
    }

    static MessageWriter add(ByteOrder order, InterfaceAddress address) {
        MessageWriter message =
                message(order, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, address);
        if (address.address() instanceof Inet4Address && address.prefixLength() < FIRST_LENGTH_WITHOUT_BROADCAST) {
            byte[] broadcast = address.address().getAddress();
            for (int bit = address.prefixLength(); bit < Integer.SIZE; bit++) {
                broadcast[bit / 8] |= (byte) (0x80 >>> (bit % 8));
            }
            message.bytes(IFA_BROADCAST, broadcast);
        }
        return message.u32(IFA_FLAGS, address.flags());
    }

    static MessageWriter delete(ByteOrder order, InterfaceAddress address) {
        return message(order, RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, address);
    }

    private static MessageWriter message(ByteOrder order, int type, int flags, InterfaceAddress address) {
        return new MessageWriter(order, type, flags)
                .u8(family(address.address()))
                .u8(address.prefixLength())
                .u8(address.flags())
                .u8(address.scope())
                .u32(address.link())
                .address(IFA_LOCAL, address.address())
                .address(IFA_ADDRESS, address.address());
    }

    static Optional<InterfaceAddress> parse(ByteBuffer body) {
        body.get();
        int prefixLength = Byte.toUnsignedInt(body.get());
        int shortFlags = Byte.toUnsignedInt(body.get());
        int scope = Byte.toUnsignedInt(body.get());
        int link = body.getInt();
        Attributes attributes = Attributes.read(body);
        // IFA_LOCAL is absent for most IPv6 addresses; where it is present IFA_ADDRESS may be the peer of a
        // point-to-point link.
        return attributes
                .address(IFA_LOCAL)
                .or(() -> attributes.address(IFA_ADDRESS))
                .map(address -> new InterfaceAddress(
                        link,
                        address,
                        prefixLength,
                        scope,
                        attributes.i32(IFA_FLAGS).orElse(shortFlags)));
    }
}
