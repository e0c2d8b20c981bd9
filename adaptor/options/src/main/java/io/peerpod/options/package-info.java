// SPDX-License-Identifier: Apache-2.0
/**
 * The option table: one row a key drives flag, environment variable, help, documentation, masking and validation.
 *
 * <p>Start at {@link io.peerpod.options.Options}.
 */
@NullMarked
package io.peerpod.options;

import org.jspecify.annotations.NullMarked;
