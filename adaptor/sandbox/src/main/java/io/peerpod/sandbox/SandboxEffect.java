// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import java.time.Duration;
import java.util.Optional;

/**
 * What is to be done, once the facts before it are durable. Every effect may be repeated: after a restart the one that was
 * under way runs again.
 */
public sealed interface SandboxEffect {

    /** Ask the cloud for the VM under the sandbox's token. Answers {@code VmCreated} or {@code CreateFailed}. */
    record CreateVm(Sandbox sandbox) implements SandboxEffect {}

    /** Answer {@code RetryDue} after the delay. */
    record RetryLater(Duration delay) implements SandboxEffect {}

    /**
     * Ask the cloud by token until the VM appears or the longest time that a create can be on its way has passed. Answers
     * {@code VmFound} or {@code NothingLanded}.
     */
    record AwaitLanding(LaunchToken token) implements SandboxEffect {}

    /** Set the tunnel up and reach the agent. Answers {@code GuestReady} or {@code ConnectFailed}. */
    record Connect(Sandbox sandbox, PodVm vm) implements SandboxEffect {}

    /** Answer {@code GuestLost} or {@code Orphaned} when it comes to that. */
    record WatchGuest(Sandbox sandbox, PodVm vm) implements SandboxEffect {}

    /** After the delay ask the cloud to delete. Answers {@code VmAbsent}, {@code DeletionUnderWay} or {@code DeleteFailed}. */
    record DeleteVm(LaunchToken token, int attempt, Duration delay) implements SandboxEffect {}

    /**
     * End what runs for the sandbox ({@link Connect}, {@link WatchGuest}) and wait for its end; then, after the delay, close the
     * agent session, take the tunnel down and remove the folder. Answers {@code Released} or {@code ReleaseFailed}.
     */
    record Release(Sandbox sandbox, Optional<PodVm> vm, int attempt, Duration delay) implements SandboxEffect {}

    /** Remove the journal; the last trace. No answer. */
    record Forget(Sandbox sandbox) implements SandboxEffect {}
}
