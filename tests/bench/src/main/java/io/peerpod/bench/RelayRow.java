// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.util.Map;

/**
 * One case at the floor and through the chain.
 *
 * @param floor straight at the echo agent
 * @param relay through relay, TLS and forwarder
 * @param cpuMicrosPerCall microseconds of processor time a call, by role
 */
record RelayRow(LoadResult floor, LoadResult relay, Map<String, Double> cpuMicrosPerCall) {
    RelayRow {
        cpuMicrosPerCall = Map.copyOf(cpuMicrosPerCall);
    }

    /** What the chain keeps of the floor's rate, 0 to 1. */
    double ofFloor() {
        return relay.requestsPerSecond() / floor.requestsPerSecond();
    }

    /** Microseconds that the chain adds to a percentile. */
    double addedMicros(double part) {
        return relay.micros(part) - floor.micros(part);
    }

    /** Relay and forwarder together. */
    double bothHalvesCpuMicros() {
        return cpuMicrosPerCall.getOrDefault("relay", 0.0) + cpuMicrosPerCall.getOrDefault("forwarder", 0.0);
    }
}
