// SPDX-License-Identifier: Apache-2.0
/**
 * The durable facts: one append-only file a sandbox. A fact is on the disk before anything rests on it; a torn tail is dropped, since
 * nothing rested on it; a damaged middle is set aside and reported, never guessed; the file goes when the sandbox is gone.
 *
 * <p>Format: eight bytes {@code ppjrnl 01} (text, then a 16-bit version), then records of a 32-bit payload length, a 32-bit CRC-32C over
 * everything else of the record, an 8-bit record version and the payload, a {@code peerpod.journal.Entry}; big-endian. Zeros follow: room for
 * the facts to come is reserved when the file is made, so that a disk that has filled up meanwhile does not keep a sandbox from
 * being stopped.
 */
@NullMarked
package io.peerpod.node.journal;

import org.jspecify.annotations.NullMarked;
