// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import io.peerpod.sandbox.SandboxFact;
import java.time.Instant;

/**
 * A fact and when it was recorded.
 *
 * @param recordedAt wall clock, microseconds
 */
public record JournalEntry(Instant recordedAt, SandboxFact fact) {}
