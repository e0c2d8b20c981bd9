// SPDX-License-Identifier: Apache-2.0
/** The pure life-cycle of a sandbox: it decides; it never acts, waits, reads a clock or draws a random number. */
@NullMarked
package io.peerpod.sandbox;

import org.jspecify.annotations.NullMarked;
