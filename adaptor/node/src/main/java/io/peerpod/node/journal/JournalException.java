// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

/** A fact could not be made durable, or a journal not be read; the message is a sentence for the operator. */
public final class JournalException extends Exception {
    private static final long serialVersionUID = 1L;

    JournalException(String message) {
        super(message);
    }

    JournalException(String message, Throwable cause) {
        super(message, cause);
    }
}
