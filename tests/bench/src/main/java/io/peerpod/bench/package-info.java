// SPDX-License-Identifier: Apache-2.0
/**
 * Whole-process benchmarks: real processes, real sockets, TLS on. What is measured is always shown beside the floor, the same client
 * straight at the echo agent in the same run, because absolute figures say more about the machine than about the product.
 */
@NullMarked
package io.peerpod.bench;

import org.jspecify.annotations.NullMarked;
