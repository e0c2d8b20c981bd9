// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.PodVm;
import java.util.List;
import java.util.Optional;

/** What is shown of a record. */
final class VmView {
    private VmView() {}

    /**
     * Compares the record with the processes that are there.
     *
     * @param atWork whether somebody is creating or deleting the VM right now
     */
    static PodVm of(VmRecord record, boolean atWork) {
        PodVm.State state = switch (record.phase()) {
            case CREATING -> atWork ? PodVm.State.CREATING : PodVm.State.FAILED;
            case RUNNING ->
                record.init().filter(ProcessIdentity::isAlive).isPresent() ? PodVm.State.RUNNING : PodVm.State.FAILED;
            case DELETING -> PodVm.State.DELETING;
        };
        Optional<CloudFailure> failure = state == PodVm.State.FAILED ? Optional.of(failure(record)) : Optional.empty();
        return new PodVm(
                record.id(),
                record.token(),
                state,
                List.of(record.address()),
                Optional.of(record.createdAt()),
                failure);
    }

    private static CloudFailure failure(VmRecord record) {
        String name = record.token().instanceName();
        String message = record.phase() == VmRecord.Phase.CREATING
                ? "the process that was creating pod VM " + name + " (pid "
                        + record.creator().pid()
                        + ") ended before the VM ran; deleting the VM removes what there is of it"
                : "the init of pod VM " + name
                        + " has ended, so its VM is off; its console.log in the local cloud's state folder holds its last words";
        return new CloudFailure.Rejected(message, CloudFailure.Actor.OPERATOR);
    }
}
