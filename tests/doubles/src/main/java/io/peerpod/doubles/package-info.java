// SPDX-License-Identifier: Apache-2.0
/**
 * Hand-written doubles of the product's peers: Kata shims with the habits of both kinds, an echo agent, pod namespaces as a CNI plugin
 * leaves them, and a private world in which the whole product runs on one machine. The doubles speak ttrpc with a codec of their own, so
 * that the product's codec is never tested against itself.
 */
@NullMarked
package io.peerpod.doubles;

import org.jspecify.annotations.NullMarked;
