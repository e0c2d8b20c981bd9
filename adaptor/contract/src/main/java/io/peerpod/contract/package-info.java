// SPDX-License-Identifier: Apache-2.0
/** Bytes shared with another process. Names on the wire are never mended here. */
@NullMarked
package io.peerpod.contract;

import org.jspecify.annotations.NullMarked;
