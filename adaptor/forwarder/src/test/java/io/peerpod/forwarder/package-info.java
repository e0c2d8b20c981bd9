// SPDX-License-Identifier: Apache-2.0
/** Tests of the guest half. */
@NullMarked
package io.peerpod.forwarder;

import org.jspecify.annotations.NullMarked;
