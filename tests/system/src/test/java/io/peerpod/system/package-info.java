// SPDX-License-Identifier: Apache-2.0
/** The whole product on the local cloud, and the test of the walls between its modules. */
@NullMarked
package io.peerpod.system;

import org.jspecify.annotations.NullMarked;
