// SPDX-License-Identifier: Apache-2.0
/** What a shim asked for, checked, and what was planned for it: everything about a sandbox that is known before a VM exists. */
@NullMarked
package io.peerpod.node.plan;

import org.jspecify.annotations.NullMarked;
