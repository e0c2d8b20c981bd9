// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

/**
 * A filter that sees what an interface receives.
 *
 * @param link the interface's index
 * @param kind such as {@code u32}
 * @param priority lower is asked first
 * @param protocol EtherType in the usual reading, {@code 3} for all
 * @param redirectTo index of the interface that it sends everything to; 0 if it does not redirect, or not any more
 */
public record IngressFilter(int link, String kind, int priority, int protocol, int redirectTo) {}
