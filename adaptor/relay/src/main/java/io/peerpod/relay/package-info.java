// SPDX-License-Identifier: Apache-2.0
/** The data plane: agent sockets, TLS and the byte pump. */
@NullMarked
package io.peerpod.relay;

import org.jspecify.annotations.NullMarked;
