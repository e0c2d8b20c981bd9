// SPDX-License-Identifier: Apache-2.0
/** The peerpod command. */
@NullMarked
package io.peerpod.cli;

import org.jspecify.annotations.NullMarked;
