// SPDX-License-Identifier: Apache-2.0
/** What a cloud must do for a pod VM. */
@NullMarked
package io.peerpod.provider;

import org.jspecify.annotations.NullMarked;
