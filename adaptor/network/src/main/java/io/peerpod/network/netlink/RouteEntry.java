// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.net.InetAddress;
import java.util.Optional;

/**
 * A route.
 *
 * @param destination masked; the family's zero address for a default route
 * @param prefixLength bits of the destination
 * @param gateway empty for an on-link route; may be of another family than the destination
 * @param link index of the outgoing interface, the first one of a multipath route, 0 if none
 * @param source preferred source address
 * @param metric priority, lower wins; 0 if the kernel gives none
 * @param mtu bytes, of the route or learnt for this destination; 0 if the interface's counts
 * @param table routing table
 * @param protocol {@code RTPROT_*}: who made it
 * @param scope {@code RT_SCOPE_*}
 * @param type {@code RTN_*}
 * @param onlink whether the gateway counts as directly reachable whatever the other routes say
 */
public record RouteEntry(
        InetAddress destination,
        int prefixLength,
        Optional<InetAddress> gateway,
        int link,
        Optional<InetAddress> source,
        long metric,
        int mtu,
        int table,
        int protocol,
        int scope,
        int type,
        boolean onlink) {
    public static final int RT_TABLE_MAIN = 254;
    public static final int RTN_UNICAST = 1;

    /** The destination is an address of this very namespace. */
    public static final int RTN_LOCAL = 2;

    public static final int RTPROT_KERNEL = 2;
    public static final int RTPROT_BOOT = 3;
    public static final int RTPROT_STATIC = 4;
    public static final int RTPROT_DHCP = 16;
    public static final int RT_SCOPE_UNIVERSE = 0;
    public static final int RT_SCOPE_SITE = 200;
    public static final int RT_SCOPE_LINK = 253;
    public static final int RT_SCOPE_HOST = 254;
    public static final int RT_SCOPE_NOWHERE = 255;

    /** Whether it is its family's default route. */
    public boolean isDefault() {
        return prefixLength == 0;
    }

    /** The same route with the flag {@code onlink}. */
    public RouteEntry asOnlink() {
        return new RouteEntry(
                destination, prefixLength, gateway, link, source, metric, mtu, table, protocol, scope, type, true);
    }

    /**
     * A unicast route of the main table.
     *
     * @param gateway empty for an on-link route
     * @param link index of the interface
     */
    public static RouteEntry unicast(
            InetAddress destination, int prefixLength, Optional<InetAddress> gateway, int link) {
        int scope = gateway.isPresent() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
        return new RouteEntry(
                destination,
                prefixLength,
                gateway,
                link,
                Optional.empty(),
                0,
                0,
                RT_TABLE_MAIN,
                RTPROT_BOOT,
                scope,
                RTN_UNICAST,
                false);
    }

    /** The same route with another protocol and scope. */
    public RouteEntry with(int newProtocol, int newScope) {
        return new RouteEntry(
                destination,
                prefixLength,
                gateway,
                link,
                source,
                metric,
                mtu,
                table,
                newProtocol,
                newScope,
                type,
                onlink);
    }
}
