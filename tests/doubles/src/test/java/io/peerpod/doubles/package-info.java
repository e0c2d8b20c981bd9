// SPDX-License-Identifier: Apache-2.0
/** Tests of the doubles where they carry logic. */
package io.peerpod.doubles;
