// SPDX-License-Identifier: Apache-2.0
/**
 * Provisioning of a pod VM: finds the user data, checks it, and places the few files that may come from it (adaptor.md 7).
 *
 * <p>Invariant: nothing is written before everything has been read and checked, and each file appears whole or not at all.
 */
@NullMarked
package io.peerpod.forwarder.provision;

import org.jspecify.annotations.NullMarked;
