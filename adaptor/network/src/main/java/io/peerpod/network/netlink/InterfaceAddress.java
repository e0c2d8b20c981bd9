// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.net.InetAddress;

/**
 * An address of an interface.
 *
 * @param link the interface's index
 * @param address the local address
 * @param prefixLength bits
 * @param scope {@code RT_SCOPE_*}
 * @param flags {@code IFA_F_*}
 */
public record InterfaceAddress(int link, InetAddress address, int prefixLength, int scope, int flags) {
    /** IPv4: a later address of the same subnet; IPv6: a temporary (privacy) address. */
    public static final int IFA_F_SECONDARY = 0x01;

    public static final int IFA_F_NODAD = 0x02;
    public static final int IFA_F_DADFAILED = 0x08;
    public static final int IFA_F_DEPRECATED = 0x20;
    public static final int IFA_F_TENTATIVE = 0x40;

    /** No connected route is made with the address. */
    public static final int IFA_F_NOPREFIXROUTE = 0x200;

    /** Whether all those flags are set. */
    public boolean has(int flag) {
        return (flags & flag) == flag;
    }
}
