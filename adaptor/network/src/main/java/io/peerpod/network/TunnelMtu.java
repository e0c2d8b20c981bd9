// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;

/**
 * How much fits through a tunnel without fragments. Both devices of a tunnel, and the pod's interfaces at both ends, get this MTU;
 * that alone keeps the outer packets whole. The outer don't-fragment bit is left clear: the kernel does not translate a "packet too
 * big" from the underlay into one for the pod, so with the bit set a path that is narrower than both ends know would swallow the
 * pod's TCP silently instead of carrying it in fragments.
 */
final class TunnelMtu {
    /** Inner Ethernet 14, VXLAN 8, UDP 8, IPv4 20 bytes. */
    static final int OVERHEAD_IPV4_BYTES = 50;

    /** Inner Ethernet 14, VXLAN 8, UDP 8, IPv6 40 bytes. */
    static final int OVERHEAD_IPV6_BYTES = 70;

    /** RFC 8200: below this a link carries no IPv6, and the kernel takes IPv6 off it. */
    static final int MIN_IPV6_BYTES = 1280;

    /** RFC 791: what every IPv4 host must take. Below it something is misconfigured. */
    static final int MIN_IPV4_BYTES = 576;

    private TunnelMtu() {}

    static int overheadBytes(InetAddress underlay) {
        return underlay instanceof Inet4Address ? OVERHEAD_IPV4_BYTES : OVERHEAD_IPV6_BYTES;
    }

    /** MTU of a tunnel to that address, by the way that the kernel would take now, in bytes. */
    static int towards(RouteNetlink underlay, InetAddress remote) throws IOException {
        RouteEntry way = underlay.routeTo(remote);
        Link link = underlay.link(way.link())
                .orElseThrow(() -> new IOException("The interface towards " + remote.getHostAddress() + " vanished."));
        return of(link, way, remote);
    }

    /** MTU of a tunnel that leaves by that link and route. */
    static int of(Link link, RouteEntry way, InetAddress underlay) {
        int path = way.mtu() > 0 ? Math.min(way.mtu(), link.mtu()) : link.mtu();
        return path - overheadBytes(underlay);
    }

    /**
     * @throws IOException if the pod's packets cannot fit
     */
    static int check(int mtu, PodNetwork network) throws IOException {
        boolean ipv6 = network.addresses().stream().anyMatch(address -> !address.isIpv4());
        int least = ipv6 ? MIN_IPV6_BYTES : MIN_IPV4_BYTES;
        if (mtu < least) {
            throw new IOException(
                    "The tunnel of interface " + network.interfaceName() + " has room for packets of " + mtu
                            + " bytes, but " + (ipv6 ? "IPv6" : "IPv4") + " needs " + least
                            + ". Raise the MTU of the network between worker and pod VM, or of the pod network.");
        }
        return mtu;
    }
}
