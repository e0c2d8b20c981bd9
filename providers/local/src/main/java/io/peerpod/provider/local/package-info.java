// SPDX-License-Identifier: Apache-2.0
/** A pod VM as processes in namespaces of this machine. */
@NullMarked
package io.peerpod.provider.local;

import org.jspecify.annotations.NullMarked;
