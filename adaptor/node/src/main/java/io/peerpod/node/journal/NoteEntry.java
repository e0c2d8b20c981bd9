// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import java.time.Instant;

/**
 * A stage and when it was.
 *
 * @param recordedAt wall clock, microseconds
 * @param factsBefore how many facts of the sandbox were recorded before it
 */
public record NoteEntry(Instant recordedAt, int factsBefore, Note note) {}
