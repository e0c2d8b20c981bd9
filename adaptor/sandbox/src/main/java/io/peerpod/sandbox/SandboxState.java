// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.PodVm;
import java.util.Optional;

/** Where a sandbox stands. A state carries exactly what is true in it. */
public sealed interface SandboxState {

    /** Nothing is known of it. */
    record Absent() implements SandboxState {}

    /** CreateVM was answered: the pod's network is known, a VNI is reserved, the cloud was not called. */
    record Prepared(Sandbox sandbox) implements SandboxState {}

    /**
     * A create of the VM is intended, and from here on a VM may exist.
     *
     * @param attempt the number of the latest create call, from 1
     * @param calling whether that call is under way; if not, the next one is due after a pause
     * @param doubtful whether an earlier call ended without an answer, so that its VM may still appear
     */
    record Launching(Sandbox sandbox, int attempt, boolean calling, boolean doubtful) implements SandboxState {}

    /**
     * A stop is intended while a create may still land. Deleting now would be told "absent" and the VM would appear afterwards,
     * so the landing is waited for.
     *
     * @param calling whether the create call is still under way; if not, the cloud is asked by token
     * @param doubtful as in {@link Launching}
     */
    record AwaitingLanding(Sandbox sandbox, StopCause cause, boolean calling, boolean doubtful)
            implements SandboxState {}

    /** The VM has an address; tunnel and agent connection are being made. */
    record Connecting(Sandbox sandbox, PodVm vm) implements SandboxState {}

    /** The agent answered through the tunnel. */
    record Ready(Sandbox sandbox, PodVm vm) implements SandboxState {}

    /**
     * Everything is being undone.
     *
     * @param vm the VM as last seen, empty when none was
     * @param vmGone whether the cloud confirmed that nothing is left there
     * @param released whether nothing is left on this worker: agent session, tunnel, folder
     */
    record Stopping(Sandbox sandbox, StopCause cause, Optional<PodVm> vm, boolean vmGone, boolean released)
            implements SandboxState {}

    /** Nothing is left of it anywhere. Final. */
    record Gone(Sandbox sandbox, StopCause cause) implements SandboxState {}

    /** The sandbox that a state is about; empty only for {@link Absent}. */
    static Optional<Sandbox> sandboxOf(SandboxState state) {
        return switch (state) {
            case Absent _ -> Optional.empty();
            case Prepared prepared -> Optional.of(prepared.sandbox());
            case Launching launching -> Optional.of(launching.sandbox());
            case AwaitingLanding awaiting -> Optional.of(awaiting.sandbox());
            case Connecting connecting -> Optional.of(connecting.sandbox());
            case Ready ready -> Optional.of(ready.sandbox());
            case Stopping stopping -> Optional.of(stopping.sandbox());
            case Gone gone -> Optional.of(gone.sandbox());
        };
    }
}
