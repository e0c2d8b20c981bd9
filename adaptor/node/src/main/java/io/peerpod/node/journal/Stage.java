// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

/**
 * The steps of a start, a stop and a recovery that the flight recorder notes beside the facts. Facts say what is true, stages when
 * something was begun and answered. The name is the wire's name ({@code journal.proto}); what each means is said in words.
 */
public enum Stage {
    START_REQUESTED("StartVM was called"),
    STOP_REQUESTED("StopVM was called"),
    RESUMED("a daemon took the sandbox up where its predecessor left it"),
    RETRY_SCHEDULED("another create call is due after a pause"),
    CLOUD_CREATE_BEGUN("the create call to the cloud began"),
    CLOUD_CREATE_ANSWERED("the create call to the cloud was answered"),
    LANDING_AWAITED("a create may still land; the cloud is asked until it does or no longer can"),
    LANDING_ASKED("the cloud was asked whether the create landed"),
    TUNNEL_BEGUN("the tunnel's worker half is being set up"),
    TUNNEL_UP("the tunnel's worker half stands"),
    DIAL_BEGUN("the relay was asked to reach the guest's agent"),
    FIRST_DIAL("the first connection attempt to the forwarder began"),
    PORT_OPEN("the forwarder's port accepted a connection"),
    TLS_DONE("the forwarder's certificate was verified and ours accepted"),
    AGENT_ANSWERED("the agent's Health/Check came back"),
    VM_CHECKED("the cloud was asked for the VM's state"),
    GUEST_WATCHED("the running guest is being watched"),
    DELETE_ASKED("the cloud was asked to delete the VM"),
    DELETE_ACCEPTED("the cloud is deleting the VM"),
    DELETE_ABSENT("the cloud says that the VM is absent"),
    RELEASE_BEGUN("what the sandbox has on this worker is being taken down"),
    RELEASE_DONE("nothing of the sandbox is left on this worker"),
    TUNNEL_ANSWERED("the guest answered through the tunnel"),
    /** Noted by a later release. */
    UNKNOWN("a stage that this release does not know");

    private final String words;

    Stage(String words) {
        this.words = words;
    }

    /** What the stage is, for a timeline. */
    public String words() {
        return words;
    }
}
