// SPDX-License-Identifier: Apache-2.0
/**
 * Netlink: messages to and from the kernel about links, addresses, routes, neighbours and traffic control. Encoding and decoding
 * are pure and have byte goldens in both byte orders; headers and attributes are in the host's order, addresses and the VXLAN port
 * in the network's. A socket belongs to the namespace of the thread that opened it and may be used from any other.
 */
@NullMarked
package io.peerpod.network.netlink;

import org.jspecify.annotations.NullMarked;
