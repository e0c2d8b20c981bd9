// SPDX-License-Identifier: Apache-2.0
/**
 * The node daemon. {@link io.peerpod.node.Main} reads the options, makes every object and hands each its collaborators; nothing else
 * constructs.
 */
@NullMarked
package io.peerpod.node;

import org.jspecify.annotations.NullMarked;
