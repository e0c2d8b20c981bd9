// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

/**
 * A relay process.
 *
 * @param processId its pid in its own pid namespace
 * @param version of its build
 * @param sessions how many it holds
 */
public record RelayInfo(long processId, String version, int sessions) {}
