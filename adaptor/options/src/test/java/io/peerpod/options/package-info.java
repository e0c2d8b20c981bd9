// SPDX-License-Identifier: Apache-2.0
@NullMarked
package io.peerpod.options;

import org.jspecify.annotations.NullMarked;
