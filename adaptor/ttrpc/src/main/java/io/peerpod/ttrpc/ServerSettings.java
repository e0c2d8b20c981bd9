// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.util.Map;
import java.util.function.Predicate;

/** What every connection of a server needs to know; services by name, then methods by name. */
record ServerSettings(
        String name,
        Map<String, Map<String, TtrpcServer.Registered>> services,
        TtrpcLimits limits,
        Predicate<Peer> peerCheck) {}
