// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import java.util.ArrayList;
import java.util.List;

/**
 * What follows from an event.
 *
 * @param facts to be made durable, in this order, before any effect runs
 * @param effects to be run then
 */
public record Decision(List<SandboxFact> facts, List<SandboxEffect> effects) {

    /** Nothing follows. */
    public static final Decision NOTHING = new Decision(List.of(), List.of());

    public Decision {
        facts = List.copyOf(facts);
        effects = List.copyOf(effects);
    }

    static Decision record(SandboxFact... facts) {
        return new Decision(List.of(facts), List.of());
    }

    static Decision run(SandboxEffect... effects) {
        return new Decision(List.of(), List.of(effects));
    }

    Decision then(SandboxEffect... more) {
        List<SandboxEffect> all = new ArrayList<>(effects);
        all.addAll(List.of(more));
        return new Decision(facts, all);
    }
}
