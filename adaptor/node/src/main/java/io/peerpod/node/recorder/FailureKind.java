// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.provider.CloudFailure;
import java.util.Arrays;
import java.util.Optional;

/** Every class of failure that a sandbox can meet, with what was expected instead and what to do about it. */
enum FailureKind {
    OUT_OF_CAPACITY(
            "OutOfCapacity",
            "the cloud has no room for the pod's VM",
            "room in the cloud for a VM of the size that the pod asks for",
            "have the pod ask for another instance type, let the daemon use another zone or region, or raise the quota; then start the"
                    + " pod again. No VM is left of this attempt"),
    UNAUTHORISED(
            "Unauthorised",
            "the cloud refused the daemon's credentials",
            "credentials that may create, find, list and delete pod VMs",
            "give the daemon credentials that the cloud accepts and restart it: running pods are not disturbed, and until then no pod"
                    + " starts on this node"),
    REJECTED(
            "Rejected",
            "the cloud refused the request for good",
            "an image, an instance type and a network that exist and fit together",
            "correct what the cloud names, in the pod's annotations or in the daemon's options, and start the pod again; the same request"
                    + " would get the same answer"),
    THROTTLED(
            "Throttled",
            "the cloud asks to come back later",
            "a rate of calls that the cloud accepts",
            "nothing, if it passes: the daemon asks again by itself. If it stays, have the account's rate limit raised, or lower"
                    + " -cloud-creates and -cloud-deletes"),
    UNREACHABLE_CLOUD(
            "Unreachable",
            "the cloud's API cannot be reached",
            "an answer of the cloud's API",
            "mend this node's way to the cloud's API: name resolution, proxy, firewall, routes. The daemon asks again by itself"),
    OUTCOME_UNKNOWN(
            "OutcomeUnknown",
            "the cloud did not say whether it made the VM",
            "an answer to the create call",
            "nothing: the daemon asks again under the same token, so that no second VM is made and none is forgotten"),
    GUEST_UNREACHABLE(
            "UNREACHABLE",
            "the guest never answered",
            "a TCP connection to the forwarder's port in the VM within -proxy-timeout",
            "if nothing answered at all, let TCP from this node to that port through the VM's security group and every firewall in between;"
                    + " if it was refused, the forwarder did not start: the VM's console says why. Then start the pod again"),
    GUEST_TLS(
            "TLS",
            "guest and worker do not trust each other",
            "a TLS connection on which each side accepts the other's certificate",
            "check that the VM's image and -ca-cert-file, -cert-file and -cert-key belong together, and both clocks; then start the pod again"),
    AGENT_SILENT(
            "AGENT",
            "the guest's agent does not answer",
            "the agent's answer to Health/Check through the forwarder",
            "look at the agent's log on the VM's console: it has not started, or ended; then start the pod again"),
    TUNNEL(
            "tunnel",
            "the pod's tunnel could not be set up on this worker",
            "a VXLAN device in the pod's network namespace",
            "mend what the kernel names (another device with the same VNI and port, a missing module, a namespace that is gone); then start"
                    + " the pod again"),
    TUNNEL_BLOCKED(
            "tunnel-blocked",
            "no packet comes back through the pod's tunnel",
            "the guest's answer to an address request that was sent through the tunnel",
            "let UDP on the tunnel's port pass both ways between this node and the pod VMs: security groups, firewalls, or a"
                    + " network plug-in that uses the same port (-vxlan-port); then start the pod again"),
    VM_MISSING(
            "vm-missing",
            "the VM was deleted behind our back",
            "the pod's VM in the cloud's list",
            "find out who deletes pod VMs (a cleaning job, a colleague, a budget rule) and have them spare what carries our tags; the pod"
                    + " can be started again at once"),
    VM_FAILED(
            "vm-failed",
            "the VM failed",
            "a VM that the cloud shows as running",
            "look at the VM's console and the cloud's activity log; then start the pod again"),
    GUEST_LOST(
            "guest-lost",
            "the guest of the running pod is gone",
            "an agent that answers for as long as the pod runs",
            "look at the VM's last console output: the agent ended or the machine crashed, often for lack of memory; the pod can be started"
                    + " again at once"),
    SHIM_GONE(
            "shim-gone",
            "no shim holds on to the sandbox",
            "the shim's connection to the agent socket, or its StopVM",
            "nothing, if the container runtime was killed or the node restarted; otherwise see the runtime's log for the end of its shim"),
    RELEASE(
            "release",
            "something of the sandbox cannot be taken down on this worker",
            "agent session, tunnel and folder removed",
            "nothing, if it passes: the daemon tries again by itself. If it stays, remove by hand what is named"),
    DAMAGED(
            "damaged",
            "the sandbox's journal cannot be read",
            "a journal whose every record has its checksum",
            "look for its VM with 'peerpod vms' and delete it by hand if it is still there; then remove the file"),
    INTERNAL(
            "internal",
            "peerpods met something that it did not expect",
            "no defect of ours",
            "please report it, with the daemon's and the relay's log");

    private final String label;
    private final String summary;
    private final String expected;
    private final String next;

    FailureKind(String label, String summary, String expected, String next) {
        this.label = label;
        this.summary = summary;
        this.expected = expected;
        this.next = next;
    }

    /** Its name in JSON. */
    String label() {
        return label;
    }

    /** A few words. */
    String summary() {
        return summary;
    }

    String expected() {
        return expected;
    }

    String next() {
        return next;
    }

    static FailureKind of(CloudFailure failure) {
        return switch (failure) {
            case CloudFailure.Throttled _ -> THROTTLED;
            case CloudFailure.OutOfCapacity _ -> OUT_OF_CAPACITY;
            case CloudFailure.Rejected _ -> REJECTED;
            case CloudFailure.Unauthorised _ -> UNAUTHORISED;
            case CloudFailure.Unreachable _ -> UNREACHABLE_CLOUD;
            case CloudFailure.OutcomeUnknown _ -> OUTCOME_UNKNOWN;
        };
    }

    /** The class that a note of the flight recorder names. */
    static FailureKind named(String label) {
        Optional<FailureKind> known =
                Arrays.stream(values()).filter(kind -> kind.label.equals(label)).findFirst();
        return known.orElse(INTERNAL);
    }
}
