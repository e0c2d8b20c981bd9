// SPDX-License-Identifier: Apache-2.0
/** Hand-written doubles of the product's peers. */
@NullMarked
package io.peerpod.doubles;

import org.jspecify.annotations.NullMarked;
