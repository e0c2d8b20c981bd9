// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.mailbox;

import io.peerpod.node.journal.Note;
import io.peerpod.sandbox.SandboxEffect;
import io.peerpod.sandbox.SandboxEvent;

/** Does what the life-cycle decided. */
public interface EffectRunner {

    /** Where an effect's words go; from any thread. */
    interface Report {
        /** The event that the effect ends with. */
        void answer(SandboxEvent event);

        /** A stage that it reached, for the flight recorder. */
        void note(Note note);
    }

    /** Starts the effect and returns at once. */
    void run(SandboxEffect effect, Report report);
}
