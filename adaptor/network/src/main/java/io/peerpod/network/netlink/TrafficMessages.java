// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_ACK;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_CREATE;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_DUMP;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_EXCL;
import static io.peerpod.network.netlink.NetlinkSocket.NLM_F_REQUEST;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * {@code RTM_*QDISC} and {@code RTM_*TFILTER}: {@code struct tcmsg} and {@code TCA_*} (linux/rtnetlink.h, linux/pkt_cls.h). A
 * redirecting filter matches everything that an interface receives and sends it out of another one, as
 * {@code u32 match u32 0 0 action mirred egress redirect} does.
 */
final class TrafficMessages {
    /** Parent of the disciplines {@code ingress} and {@code clsact}. */
    static final int TC_H_INGRESS = 0xFFFFFFF1;

    /** Parent of filters on received packets, under either of the two. */
    private static final int INGRESS_FILTERS = 0xFFFFFFF2;

    private static final int RTM_NEWQDISC = 36;
    private static final int RTM_DELQDISC = 37;
    private static final int RTM_GETQDISC = 38;
    private static final int RTM_NEWTFILTER = 44;
    private static final int RTM_DELTFILTER = 45;
    private static final int RTM_GETTFILTER = 46;

    private static final int INGRESS_HANDLE = 0xFFFF0000;
    private static final int ETH_P_ALL = 3;
    private static final int TCA_KIND = 1;
    private static final int TCA_OPTIONS = 2;
    private static final int TCA_U32_SEL = 5;
    private static final int TCA_U32_ACT = 7;
    private static final int TCA_MATCHALL_ACT = 2;
    private static final int TCA_ACT_KIND = 1;
    private static final int TCA_ACT_OPTIONS = 2;
    private static final int TCA_MIRRED_PARMS = 2;
    private static final int TC_U32_TERMINAL = 1;
    private static final int TC_ACT_STOLEN = 4;
    private static final int TCA_EGRESS_REDIR = 1;

    /** Offset of {@code ifindex} in {@code struct tc_mirred}. */
    private static final int MIRRED_LINK_OFFSET = 24;

    private TrafficMessages() {}

    private static MessageWriter message(
            ByteOrder order, int type, int flags, int link, int handle, int parent, int info) {
        return new MessageWriter(order, type, flags)
                .u32(0)
                .u32(link)
                .u32(handle)
                .u32(parent)
                .u32(info);
    }

    static MessageWriter listDisciplines(ByteOrder order, int link) {
        return message(order, RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, link, 0, 0, 0);
    }

    static MessageWriter addIngress(ByteOrder order, int link) {
        int flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        return message(order, RTM_NEWQDISC, flags, link, INGRESS_HANDLE, TC_H_INGRESS, 0)
                .text(TCA_KIND, "ingress");
    }

    static MessageWriter deleteIngress(ByteOrder order, int link) {
        return message(order, RTM_DELQDISC, NLM_F_REQUEST | NLM_F_ACK, link, INGRESS_HANDLE, TC_H_INGRESS, 0);
    }

    static QueueDiscipline parseDiscipline(ByteBuffer body) {
        body.getInt();
        int link = body.getInt();
        body.getInt();
        int parent = body.getInt();
        body.getInt();
        return new QueueDiscipline(link, Attributes.read(body).text(TCA_KIND).orElse(""), parent);
    }

    static MessageWriter listFilters(ByteOrder order, int link) {
        return message(order, RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP, link, 0, INGRESS_FILTERS, 0);
    }

    /** The priority in the upper half, the EtherType in the network's order in the lower half of a host's number. */
    private static int info(ByteOrder order, int priority) {
        int all = order == ByteOrder.BIG_ENDIAN ? ETH_P_ALL : ETH_P_ALL << 8;
        return priority << 16 | all;
    }

    static MessageWriter addRedirect(ByteOrder order, String classifier, int from, int to, int priority) {
        int flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        boolean isU32 = classifier.equals("u32");
        return message(order, RTM_NEWTFILTER, flags, from, 0, INGRESS_FILTERS, info(order, priority))
                .text(TCA_KIND, classifier)
                .nested(TCA_OPTIONS, options -> {
                    if (isU32) {
                        options.nested(TCA_U32_SEL, TrafficMessages::matchEverything);
                    }
                    options.nested(
                            isU32 ? TCA_U32_ACT : TCA_MATCHALL_ACT,
                            actions -> actions.nested(1, action -> redirect(action, to)));
                });
    }

    /** {@code struct tc_u32_sel} with one {@code struct tc_u32_key} whose mask is zero. */
    private static void matchEverything(MessageWriter selector) {
        selector.u8(TC_U32_TERMINAL)
                .u8(0)
                .u8(1)
                .u8(0)
                .u16(0)
                .u16(0)
                .u16(0)
                .u16(0)
                .u32(0);
        selector.u32(0).u32(0).u32(0).u32(0);
    }

    /** {@code struct tc_mirred}: index, capabilities, verdict, two counters, what to do, interface. */
    private static void redirect(MessageWriter action, int to) {
        action.text(TCA_ACT_KIND, "mirred")
                .nested(
                        TCA_ACT_OPTIONS,
                        options -> options.nested(
                                TCA_MIRRED_PARMS,
                                parameters -> parameters
                                        .u32(0)
                                        .u32(0)
                                        .u32(TC_ACT_STOLEN)
                                        .u32(0)
                                        .u32(0)
                                        .u32(TCA_EGRESS_REDIR)
                                        .u32(to)));
    }

    /** Deletes all filters of that priority on received packets. */
    static MessageWriter deleteFilters(ByteOrder order, int link, int priority) {
        return message(
                order, RTM_DELTFILTER, NLM_F_REQUEST | NLM_F_ACK, link, 0, INGRESS_FILTERS, info(order, priority));
    }

    static IngressFilter parseFilter(ByteBuffer body) {
        ByteOrder order = body.order();
        body.getInt();
        int link = body.getInt();
        body.getInt();
        body.getInt();
        int info = body.getInt();
        int lower = info & 0xffff;
        int protocol = order == ByteOrder.BIG_ENDIAN ? lower : (lower & 0xff) << 8 | lower >>> 8;
        Attributes attributes = Attributes.read(body);
        String kind = attributes.text(TCA_KIND).orElse("");
        Attributes options = attributes.nested(TCA_OPTIONS);
        Attributes actions = options.nested(kind.equals("u32") ? TCA_U32_ACT : TCA_MATCHALL_ACT);
        return new IngressFilter(link, kind, info >>> 16, protocol, redirectTarget(actions, order));
    }

    private static int redirectTarget(Attributes actions, ByteOrder order) {
        for (byte[] value : actions.all()) {
            Attributes action = Attributes.read(ByteBuffer.wrap(value).order(order));
            if (action.text(TCA_ACT_KIND).orElse("").equals("mirred")) {
                ByteBuffer parameters = action.nested(TCA_ACT_OPTIONS).buffer(TCA_MIRRED_PARMS);
                if (parameters.remaining() >= MIRRED_LINK_OFFSET + 4) {
                    return parameters.getInt(MIRRED_LINK_OFFSET);
                }
            }
        }
        return 0;
    }
}
