// SPDX-License-Identifier: Apache-2.0
/**
 * The pure life-cycle of a sandbox: it decides; it never acts, waits, reads a clock or draws a random number. Intent is a fact
 * before it is an effect, a lost answer of the cloud is never a failure, and Gone is final.
 */
@NullMarked
package io.peerpod.sandbox;

import org.jspecify.annotations.NullMarked;
