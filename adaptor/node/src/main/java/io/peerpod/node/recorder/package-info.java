// SPDX-License-Identifier: Apache-2.0
/**
 * The flight recorder's reader: what the journals say of every sandbox, told as a table, as one sandbox's story, or as JSON. It reads only;
 * it works with the daemon dead, and beside a daemon that writes.
 */
@NullMarked
package io.peerpod.node.recorder;

import org.jspecify.annotations.NullMarked;
