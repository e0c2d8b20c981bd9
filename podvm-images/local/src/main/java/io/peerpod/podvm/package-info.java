// SPDX-License-Identifier: Apache-2.0
/** The guest of the local cloud: init and a stand-in agent. */
@NullMarked
package io.peerpod.podvm;

import org.jspecify.annotations.NullMarked;
