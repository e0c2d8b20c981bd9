// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

/** Placeholder of the skeleton: the option table. */
public final class Options {}
