// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.net.Inet6Address;
import java.util.Optional;

/**
 * A VXLAN device to be made. Its UDP socket stays in the namespace of the netlink socket that asks for it.
 *
 * @param name of the device
 * @param vxlan VNI, port, and remote if known
 * @param overIpv6 family of the remote, also as long as that is not known
 * @param mtu bytes
 * @param macAddress empty for one that the kernel invents
 * @param namespace descriptor of the namespace in which it is born; empty for that of the netlink socket
 */
public record VxlanRequest(
        String name, Vxlan vxlan, boolean overIpv6, int mtu, Optional<String> macAddress, Optional<Integer> namespace) {
    public VxlanRequest {
        if (vxlan.remote().isPresent() && overIpv6 != vxlan.remote().get() instanceof Inet6Address) {
            throw new IllegalArgumentException("The remote " + vxlan.remote().get() + " is not of the device's family");
        }
    }
}
