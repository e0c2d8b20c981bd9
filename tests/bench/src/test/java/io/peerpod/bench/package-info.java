// SPDX-License-Identifier: Apache-2.0
/** Tests of the measuring itself. */
package io.peerpod.bench;
