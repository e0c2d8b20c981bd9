// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_ACK;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_CREATE;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_DUMP;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_EXCL;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_REQUEST;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * nf_tables messages for one table of ours: sets of (address, UDP port), and in the hooks {@code prerouting} and {@code output} at
 * raw priority one rule per family that leaves packets from or to an element untracked. Headers are in the host's order, all
 * numbers in attributes in the network's (linux/netfilter/nf_tables.h).
 */
final class NotrackMessages {
    private static final String TABLE = "peerpods";
    private static final int NFPROTO_INET = 1;
    private static final int SUBSYSTEM = 10;
    private static final int BATCH_BEGIN = 16;
    private static final int BATCH_END = 17;
    private static final int NEWTABLE = 0;
    private static final int NEWCHAIN = 3;
    private static final int NEWRULE = 6;
    private static final int NEWSET = 9;
    private static final int NEWSETELEM = 12;
    private static final int GETSETELEM = 13;
    private static final int DELSETELEM = 14;

    private static final int RAW_PRIORITY = -300;
    private static final int HOOK_PREROUTING = 0;
    private static final int HOOK_OUTPUT = 3;
    private static final int META_NFPROTO = 15;
    private static final int META_L4PROTO = 16;
    private static final int PROTOCOL_UDP = 17;
    private static final int BASE_NETWORK = 1;
    private static final int BASE_TRANSPORT = 2;
    private static final int DESTINATION_PORT_OFFSET = 2;

    /** {@code NFT_REG_1}: sixteen bytes, which begin with the four of {@code NFT_REG32_00}. */
    private static final int WIDE_REGISTER = 1;

    private static final int FIRST_REGISTER = 8;

    private NotrackMessages() {}

    /** What differs between the families. */
    private enum Family {
        IPV4("vms4", 1, 2, 4, 12, 16, 7 << 6 | 13),
        IPV6("vms6", 2, 10, 16, 8, 24, 8 << 6 | 13);

        private final String set;
        private final int setId;
        private final int protocol;
        private final int addressBytes;
        private final int sourceOffset;
        private final int destinationOffset;
        private final int keyType;

        Family(
                String set,
                int setId,
                int protocol,
                int addressBytes,
                int sourceOffset,
                int destinationOffset,
                int keyType) {
            this.set = set;
            this.setId = setId;
            this.protocol = protocol;
            this.addressBytes = addressBytes;
            this.sourceOffset = sourceOffset;
            this.destinationOffset = destinationOffset;
            this.keyType = keyType;
        }

        static Family of(InetAddress address) {
            return address instanceof Inet4Address ? IPV4 : IPV6;
        }

        int keyBytes() {
            return addressBytes + Integer.BYTES;
        }
    }

    private static MessageWriter message(ByteOrder order, int type, int flags) {
        return new MessageWriter(order, SUBSYSTEM << 8 | type, NLM_F_REQUEST | flags)
                .u8(NFPROTO_INET)
                .u8(0)
                .u16(0);
    }

    private static MessageWriter fence(ByteOrder order, int type) {
        // The subsystem's number is in the network's order whatever the host's is.
        return new MessageWriter(order, type, NLM_F_REQUEST).u8(0).u8(0).u8(0).u8(SUBSYSTEM);
    }

    /** The messages as one transaction. */
    static List<MessageWriter> batch(ByteOrder order, List<MessageWriter> content) {
        List<MessageWriter> all = new ArrayList<>();
        all.add(fence(order, BATCH_BEGIN));
        all.addAll(content);
        all.add(fence(order, BATCH_END));
        return all;
    }

    /** Table, sets, chains and rules; refused as a whole with {@code EEXIST} if the chains are there already. */
    static List<MessageWriter> create(ByteOrder order) {
        List<MessageWriter> messages = new ArrayList<>();
        messages.add(message(order, NEWTABLE, NLM_F_ACK | NLM_F_CREATE).text(1, TABLE));
        for (Family family : Family.values()) {
            messages.add(message(order, NEWSET, NLM_F_ACK | NLM_F_CREATE)
                    .text(1, TABLE)
                    .text(2, family.set)
                    .u32BigEndian(3, 0)
                    .u32BigEndian(4, family.keyType)
                    .u32BigEndian(5, family.keyBytes())
                    .u32BigEndian(10, family.setId));
        }
        chain(order, messages, "prerouting", HOOK_PREROUTING);
        chain(order, messages, "output", HOOK_OUTPUT);
        return messages;
    }

    private static void chain(ByteOrder order, List<MessageWriter> messages, String name, int hook) {
        messages.add(message(order, NEWCHAIN, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
                .text(1, TABLE)
                .text(3, name)
                .nested(4, point -> point.u32BigEndian(1, hook).u32BigEndian(2, RAW_PRIORITY))
                .text(7, "filter"));
        for (Family family : Family.values()) {
            int offset = hook == HOOK_OUTPUT ? family.destinationOffset : family.sourceOffset;
            messages.add(message(order, NEWRULE, NLM_F_ACK | NLM_F_CREATE)
                    .text(1, TABLE)
                    .text(2, name)
                    .nested(4, rule -> untrack(rule, family, offset)));
        }
    }

    private static void untrack(MessageWriter rule, Family family, int addressOffset) {
        equal(rule, META_NFPROTO, family.protocol);
        equal(rule, META_L4PROTO, PROTOCOL_UDP);
        load(rule, BASE_NETWORK, addressOffset, family.addressBytes, FIRST_REGISTER);
        int next = FIRST_REGISTER + family.addressBytes / Integer.BYTES;
        load(rule, BASE_TRANSPORT, DESTINATION_PORT_OFFSET, Short.BYTES, next);
        expression(rule, "lookup", data -> data.text(1, family.set).u32BigEndian(2, WIDE_REGISTER));
        expression(rule, "notrack", _ -> {});
    }

    private static void equal(MessageWriter rule, int key, int value) {
        expression(rule, "meta", data -> data.u32BigEndian(1, WIDE_REGISTER).u32BigEndian(2, key));
        expression(
                rule,
                "cmp",
                data -> data.u32BigEndian(1, WIDE_REGISTER)
                        .u32BigEndian(2, 0)
                        .nested(3, wanted -> wanted.u8(1, value)));
    }

    private static void load(MessageWriter rule, int base, int offset, int length, int register) {
        expression(
                rule,
                "payload",
                data -> data.u32BigEndian(1, register)
                        .u32BigEndian(2, base)
                        .u32BigEndian(3, offset)
                        .u32BigEndian(4, length));
    }

    private static void expression(
            MessageWriter rule, String name, java.util.function.Consumer<MessageWriter> content) {
        rule.nested(1, element -> element.text(1, name).nested(2, content));
    }

    static MessageWriter put(ByteOrder order, InetAddress address, int port) {
        return element(message(order, NEWSETELEM, NLM_F_ACK | NLM_F_CREATE), address, port);
    }

    static MessageWriter delete(ByteOrder order, InetAddress address, int port) {
        return element(message(order, DELSETELEM, NLM_F_ACK), address, port);
    }

    private static MessageWriter element(MessageWriter message, InetAddress address, int port) {
        Family family = Family.of(address);
        byte[] key = ByteBuffer.allocate(family.keyBytes())
                .put(address.getAddress())
                .putShort((short) port)
                .array();
        return message.text(1, TABLE)
                .text(2, family.set)
                .nested(3, list -> list.nested(1, one -> one.nested(1, value -> value.bytes(1, key))));
    }

    /** Asks for the elements of the address's family. */
    static MessageWriter list(ByteOrder order, InetAddress address) {
        return message(order, GETSETELEM, NLM_F_DUMP).text(1, TABLE).text(2, Family.of(address).set);
    }

    /** Whether that answer to {@link #list} holds the element. */
    static boolean holds(ByteBuffer body, InetAddress address, int port) {
        body.getInt();
        byte[] all = Attributes.read(body).bytes(3).orElse(new byte[0]);
        byte[] key = ByteBuffer.allocate(Family.of(address).keyBytes())
                .put(address.getAddress())
                .putShort((short) port)
                .array();
        return java.util.Collections.indexOfSubList(boxed(all), boxed(key)) >= 0;
    }

    private static List<Byte> boxed(byte[] bytes) {
        List<Byte> list = new ArrayList<>(bytes.length);
        for (byte one : bytes) {
            list.add(one);
        }
        return list;
    }
}
