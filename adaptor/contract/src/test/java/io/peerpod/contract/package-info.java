// SPDX-License-Identifier: Apache-2.0
@NullMarked
package io.peerpod.contract;

import org.jspecify.annotations.NullMarked;
