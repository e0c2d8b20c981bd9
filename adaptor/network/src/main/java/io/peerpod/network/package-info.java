// SPDX-License-Identifier: Apache-2.0
/** The pod network: what a pod's namespace holds, and the tunnel that carries it to the pod VM. */
@NullMarked
package io.peerpod.network;

import org.jspecify.annotations.NullMarked;
