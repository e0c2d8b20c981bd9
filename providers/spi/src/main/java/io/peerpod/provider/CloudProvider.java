// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A cloud that can make, find, list and delete pod VMs.
 *
 * <p>The cloud lies: an answer may be lost after the cloud acted, a delete may overtake its create, a listing may be
 * stale. So every call is idempotent under the {@link LaunchToken}, and a caller repeats it until the answer is
 * definite. Implementations are safe for use by many threads; each call blocks its (virtual) thread and ends on interrupt.
 */
public interface CloudProvider extends AutoCloseable {

    /** The name that the command line selects this provider by, such as {@code local}. */
    String name();

    /**
     * Creates the pod VM of a launch token, or returns the one that an earlier call with the same token made. Answers as
     * soon as the VM has an address; the VM may still be booting, and the cloud's own operation may still be running: a
     * failure of it shows later as {@link PodVm.State#FAILED} in {@link #find}.
     *
     * @throws CloudException when no VM was made or it is not known whether one was ({@link CloudFailure.OutcomeUnknown},
     *     which is never to be read as "no VM")
     */
    PodVm create(LaunchToken token, PodVmSpec spec) throws CloudException, InterruptedException;

    /**
     * The pod VM made under the token, in whatever state it is, also one whose creation failed and left remnants; empty
     * when the cloud says that there is nothing of it (any more, or yet).
     */
    Optional<PodVm> find(LaunchToken token) throws CloudException, InterruptedException;

    /** Every pod VM whose ownership tags name this owner, remnants of failed creates included. */
    List<PodVm> list(Owner owner) throws CloudException, InterruptedException;

    /**
     * Asks for the deletion of everything made under the token. Returns {@link Deletion#ABSENT} once the cloud confirms
     * that nothing is left, and {@link Deletion#UNDER_WAY} before; deleting what is not there is {@code ABSENT}, not an
     * error. The caller repeats the call until it is told {@code ABSENT}.
     */
    Deletion delete(LaunchToken token) throws CloudException, InterruptedException;

    /**
     * How long after a create call ended without an answer, or was cut off with its process, a VM of it may still appear. A stop
     * that meets such a call asks {@link #find} for as long before it believes that there is nothing.
     */
    default Duration landingWindow() {
        return Duration.ofMinutes(10);
    }

    /**
     * How long one call may take at most. A caller ends it then by interrupt; a create that was ended so is in doubt. Together with the
     * {@link #landingWindow} it bounds how long after its beginning a create can still bring forth a VM.
     */
    default Duration longestCall() {
        return Duration.ofMinutes(10);
    }

    /** Frees what the provider holds in this process. Pod VMs live on. */
    @Override
    void close();

    /** How far a deletion has come. */
    enum Deletion {
        UNDER_WAY,
        ABSENT
    }
}
