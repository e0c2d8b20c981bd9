// SPDX-License-Identifier: Apache-2.0
/**
 * The C library, one method per function, through {@code java.lang.foreign}. Nothing here knows what the calls are for; the
 * invariant is that an error is always an {@link io.peerpod.network.libc.ErrnoException} carrying the errno of that very call.
 */
@NullMarked
package io.peerpod.network.libc;

import org.jspecify.annotations.NullMarked;
