// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import java.time.Duration;

/**
 * How much may run at once, and how long.
 *
 * @param cloudCreates create calls to the cloud at once
 * @param cloudDeletes delete and find calls at once
 * @param connectBudget how long a guest may take to answer, from its address on
 * @param vmCheckInterval how often the cloud is asked about a VM whose guest has not answered yet
 */
public record EffectLimits(int cloudCreates, int cloudDeletes, Duration connectBudget, Duration vmCheckInterval) {}
