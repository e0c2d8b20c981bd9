// SPDX-License-Identifier: Apache-2.0
/** The guest half: provisioning, the forwarder, the guest network. */
@NullMarked
package io.peerpod.forwarder;

import org.jspecify.annotations.NullMarked;
