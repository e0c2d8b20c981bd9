// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

/** Placeholder of the skeleton: resolved options. */
public final class Settings {}
