// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.PodVm;
import java.util.Optional;

/** What is true from now on, and durable before any effect that rests on it runs. */
public sealed interface SandboxFact {

    /** CreateVM was accepted. */
    record Prepared(Sandbox sandbox) implements SandboxFact {}

    /** The cloud is about to be asked for the VM. */
    record LaunchIntended() implements SandboxFact {}

    /** A create call ended without a VM. */
    record CreateCallFailed(CloudFailure failure) implements SandboxFact {}

    /** The cloud gave the VM an address. */
    record Launched(PodVm vm) implements SandboxFact {}

    /** The agent answered through the tunnel. */
    record Connected() implements SandboxFact {}

    /** Whatever there is of the sandbox is to be undone. */
    record StopIntended(StopCause cause) implements SandboxFact {}

    /** The create that a stop waited for has ended: with this VM, or with none. */
    record Landed(Optional<PodVm> vm) implements SandboxFact {}

    /** The cloud confirmed that nothing is left there. */
    record VmDeleted() implements SandboxFact {}

    /** Nothing is left on this worker but the journal. */
    record Cleaned() implements SandboxFact {}

    /** Nothing is left at all. */
    record Ended() implements SandboxFact {}
}
