// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.RouteEntry;
import java.util.Map;
import java.util.Optional;

/**
 * The names of route protocols and scopes in {@code apf.json}. The reference's reader refuses the whole file for any other name
 * (adaptor.md 3.1), so nothing else is ever written.
 */
final class RouteNames {
    private static final Map<Integer, String> PROTOCOLS = Map.of(
            RouteEntry.RTPROT_KERNEL, "kernel",
            RouteEntry.RTPROT_BOOT, "boot",
            RouteEntry.RTPROT_STATIC, "static",
            RouteEntry.RTPROT_DHCP, "dhcp");
    private static final Map<Integer, String> SCOPES = Map.of(
            RouteEntry.RT_SCOPE_UNIVERSE, "universe",
            RouteEntry.RT_SCOPE_SITE, "site",
            RouteEntry.RT_SCOPE_LINK, "link",
            RouteEntry.RT_SCOPE_HOST, "host",
            RouteEntry.RT_SCOPE_NOWHERE, "nowhere");

    private RouteNames() {}

    static Optional<String> protocol(int number) {
        return Optional.ofNullable(PROTOCOLS.get(number));
    }

    /** Empty for universe, which the file leaves out, and for a number without a name. */
    static Optional<String> scope(int number) {
        return number == RouteEntry.RT_SCOPE_UNIVERSE ? Optional.empty() : Optional.ofNullable(SCOPES.get(number));
    }

    /** {@code boot} for a missing or unknown name, as the reference's half has it. */
    static int protocolNumber(Optional<String> name) {
        return name.flatMap(text -> number(PROTOCOLS, text)).orElse(RouteEntry.RTPROT_BOOT);
    }

    /** Universe for a missing or unknown name. */
    static int scopeNumber(Optional<String> name) {
        return name.flatMap(text -> number(SCOPES, text)).orElse(RouteEntry.RT_SCOPE_UNIVERSE);
    }

    private static Optional<Integer> number(Map<Integer, String> names, String name) {
        return names.entrySet().stream()
                .filter(entry -> entry.getValue().equals(name))
                .map(Map.Entry::getKey)
                .findFirst();
    }
}
