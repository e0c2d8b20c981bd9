// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.mailbox;

import io.peerpod.sandbox.SandboxEffect;
import io.peerpod.sandbox.SandboxEvent;
import java.util.function.Consumer;

/** Does what the life-cycle decided. */
public interface EffectRunner {

    /**
     * Starts the effect and returns at once.
     *
     * @param answer takes the event that the effect ends with, from any thread
     */
    void run(SandboxEffect effect, Consumer<SandboxEvent> answer);
}
