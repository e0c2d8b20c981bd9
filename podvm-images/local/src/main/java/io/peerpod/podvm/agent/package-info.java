// SPDX-License-Identifier: Apache-2.0
/**
 * A stand-in for the Kata agent: it answers what shims ask and runs each container's command as real processes inside the VM, on the
 * VM's own file system. It is no Kata agent: no images, no cgroups, no policy.
 */
@NullMarked
package io.peerpod.podvm.agent;

import org.jspecify.annotations.NullMarked;
