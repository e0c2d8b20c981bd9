// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.PodVm;

/** What happened to a sandbox, or was asked of it. */
public sealed interface SandboxEvent {

    /** The shim asked to prepare it, and what is asked for was found to be possible. */
    record CreateRequested(Sandbox sandbox) implements SandboxEvent {}

    /** The shim asked to start it. */
    record StartRequested() implements SandboxEvent {}

    /** The shim asked to stop it. */
    record StopRequested() implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.CreateVm}: the VM is there and has an address. */
    record VmCreated(PodVm vm) implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.CreateVm}: no VM, or not known whether there is one. */
    record CreateFailed(CloudFailure failure) implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.RetryLater}. */
    record RetryDue() implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.AwaitLanding}: the VM appeared. */
    record VmFound(PodVm vm) implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.AwaitLanding}: the window in which it could appear has passed. */
    record NothingLanded() implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.Connect}: the tunnel is up and the agent answered. */
    record GuestReady() implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.Connect}. */
    record ConnectFailed(Trouble trouble) implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.WatchGuest}: the session to the guest ended for good. */
    record GuestLost(Trouble trouble) implements SandboxEvent {}

    /** No shim held on to the sandbox for longer than the grace period. */
    record Orphaned(Trouble trouble) implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.DeleteVm}: the cloud confirms that nothing is left. */
    record VmAbsent() implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.DeleteVm}: accepted, not done yet. */
    record DeletionUnderWay(int attempt) implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.DeleteVm}. */
    record DeleteFailed(int attempt, CloudFailure failure) implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.Release}: nothing is left on this worker. */
    record Released() implements SandboxEvent {}

    /** Answer to {@link SandboxEffect.Release}. */
    record ReleaseFailed(int attempt, Trouble trouble) implements SandboxEvent {}
}
