// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.mailbox;

import io.peerpod.node.journal.Note;
import io.peerpod.sandbox.SandboxState;

/** Is told how sandboxes fare. Called from their mailboxes, so it answers at once and throws nothing. */
public interface LifeObserver {
    /** Nobody looks. */
    LifeObserver NONE = new LifeObserver() {
        @Override
        public void moved(String sandboxId, SandboxState before, SandboxState after) {}

        @Override
        public void noted(String sandboxId, Note note) {}
    };

    /** Facts were recorded; the state may be of the same kind as before. Not called for what a restart finds. */
    void moved(String sandboxId, SandboxState before, SandboxState after);

    /** A stage was reached, or not. */
    void noted(String sandboxId, Note note);
}
