// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.net.InetAddress;
import java.util.Optional;

/**
 * What makes a VXLAN device that one (RFC 7348).
 *
 * @param id VNI, 24 bits
 * @param port UDP destination port, and the port it listens on
 * @param remote where frames go; empty as long as it is not known
 */
public record Vxlan(int id, int port, Optional<InetAddress> remote) {}
