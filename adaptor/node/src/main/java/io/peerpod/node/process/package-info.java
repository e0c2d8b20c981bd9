// SPDX-License-Identifier: Apache-2.0
/** The daemon among other processes: the relay beside it, its predecessor on the socket, its supervisor. */
@NullMarked
package io.peerpod.node.process;

import org.jspecify.annotations.NullMarked;
