// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.sweep;

import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.Owner;
import io.peerpod.sandbox.OrphanSweep;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a daemon looks at in the cloud from time to time, as long as the journals are its own.
 *
 * @param provider whose cloud
 * @param owner whose VMs
 * @param sweepInterval between two sweeps for orphans; zero means none
 * @param watchInterval between two looks at the VMs of running pods; zero means none
 * @param onSweep is told what each sweep found
 */
public record CloudWatches(
        CloudProvider provider,
        Owner owner,
        Duration sweepInterval,
        Duration watchInterval,
        Consumer<List<OrphanSweep.Verdict>> onSweep) {

    /** The watches while they run. */
    public record Running(OrphanSweeper sweeper, VmWatch watch) implements AutoCloseable {
        @Override
        public void close() {
            sweeper.close();
            watch.close();
        }
    }

    /** Starts both; the journals must have been read. */
    public Running start(Sandboxes sandboxes) {
        return new Running(
                OrphanSweeper.start(provider, owner, sandboxes, Clock.systemUTC(), sweepInterval, onSweep),
                VmWatch.start(provider, owner, sandboxes, watchInterval));
    }
}
