// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import java.nio.file.Path;

/**
 * How a guest relay survives the kill of its process.
 *
 * @param sockets what is kept open meanwhile
 * @param state file on a file system in memory, which goes with the VM
 */
public record Survival(KeptSockets sockets, Path state) {}
