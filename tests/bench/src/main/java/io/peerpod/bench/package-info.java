// SPDX-License-Identifier: Apache-2.0
/** Whole-process benchmarks. */
@NullMarked
package io.peerpod.bench;

import org.jspecify.annotations.NullMarked;
