// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import io.peerpod.network.IpPrefix;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** Which families a pod has. */
public enum PodAddresses {
    IPV4(true, false),
    IPV6(false, true),
    DUAL(true, true);

    /** The bridge's own addresses, which are the pods' gateways. */
    static final IpPrefix GATEWAY_IPV4 = IpPrefix.parse("10.88.0.1/16");

    static final IpPrefix GATEWAY_IPV6 = IpPrefix.parse("fd00:88::1/64");

    private static final int FIRST = 10;
    private static final int IN_A_BLOCK = 240;

    private final boolean ipv4;
    private final boolean ipv6;

    PodAddresses(boolean ipv4, boolean ipv6) {
        this.ipv4 = ipv4;
        this.ipv6 = ipv6;
    }

    /** The addresses of the pod of that number, 0 to 60000, IPv4 first. */
    public List<IpPrefix> of(int number) {
        List<IpPrefix> addresses = new ArrayList<>();
        if (ipv4) {
            addresses.add(IpPrefix.parse("10.88." + number / IN_A_BLOCK + "." + (FIRST + number % IN_A_BLOCK) + "/16"));
        }
        if (ipv6) {
            addresses.add(IpPrefix.parse("fd00:88::" + Integer.toHexString(0x10 + number) + "/64"));
        }
        return addresses;
    }

    /** The bridge's address of the family. */
    static InetAddress gateway(IpPrefix address) {
        return (address.isIpv4() ? GATEWAY_IPV4 : GATEWAY_IPV6).address();
    }
}
