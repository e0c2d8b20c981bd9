// SPDX-License-Identifier: Apache-2.0
/** The node daemon. */
@NullMarked
package io.peerpod.node;

import org.jspecify.annotations.NullMarked;
