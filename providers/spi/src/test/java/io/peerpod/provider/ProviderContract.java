// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

/** What every provider must do; run unchanged by each. */
public abstract class ProviderContract {}
