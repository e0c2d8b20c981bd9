// SPDX-License-Identifier: Apache-2.0
/**
 * Who this worker is towards its guests, and who they are towards it (adaptor.md 4.1, 4.2). Keys lie under the state folder with mode
 * 0600 and nowhere else; a guest's key exists only in memory and in its user data. An identity that a living guest trusts is kept:
 * renewal makes a new one beside it.
 */
@NullMarked
package io.peerpod.node.identity;

import org.jspecify.annotations.NullMarked;
