// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Decision;
import io.peerpod.sandbox.OrphanSweep;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.SandboxLifecycle;
import io.peerpod.sandbox.SandboxState;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** What is tested: the real functions, which a mutant replaces one of. */
interface Rules {
    /** The product's. */
    Rules REAL = new Rules() {};

    default Decision decide(SandboxState state, SandboxEvent event) {
        return SandboxLifecycle.decide(state, event);
    }

    default SandboxState evolve(SandboxState state, SandboxFact fact) {
        return SandboxLifecycle.evolve(state, fact);
    }

    default Decision resume(SandboxState state) {
        return SandboxLifecycle.resume(state);
    }

    default List<OrphanSweep.Verdict> judge(
            List<PodVm> listed, OrphanSweep.Known known, Map<String, Duration> watched, Instant now, Duration grace) {
        return OrphanSweep.judge(listed, known, watched, now, grace);
    }

    /** Whether facts are durable before their effects run. */
    default boolean factsFirst() {
        return true;
    }

    /** Whether a sweep lists the cloud before it looks at the journals, and looks again before it deletes. */
    default boolean cloudFirst() {
        return true;
    }

    /** Whether a write is synced. */
    default boolean syncs() {
        return true;
    }
}
