// SPDX-License-Identifier: Apache-2.0
/**
 * The changes that two requests need on their way to the agent (adaptor.md 5.3).
 *
 * <p>Invariant: everything that is not changed keeps its bytes, and memory stays within twice the request, whatever it holds. That
 * is why messages are cut and joined here and not decoded: four mebibytes of empty list entries would become objects of many
 * times that size.
 */
@NullMarked
package io.peerpod.forwarder.edit;

import org.jspecify.annotations.NullMarked;
