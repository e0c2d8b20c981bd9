// SPDX-License-Identifier: Apache-2.0
/** Tests of the guest half. */
@NullMarked
package io.peerpod.forwarder.provision;

import org.jspecify.annotations.NullMarked;
