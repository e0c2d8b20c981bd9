// SPDX-License-Identifier: Apache-2.0
@NullMarked
package io.peerpod.node.process;

import org.jspecify.annotations.NullMarked;
