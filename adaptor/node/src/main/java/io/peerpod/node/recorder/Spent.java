// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

/** What a sandbox's time goes into. The names are also the values of the metrics' {@code stage} label. */
public enum Spent {
    WAIT_FOR_START("wait-for-start", Phase.START, "the shim had not called StartVM yet"),
    CLOUD_CREATE("cloud-create", Phase.START, "the cloud made the VM"),
    RETRY_PAUSE("retry-pause", Phase.START, "pause before the cloud was asked again"),
    GUEST_BOOT("guest-boot", Phase.START, "the VM booted until its forwarder's port opened"),
    TLS("tls", Phase.START, "both sides showed their certificates"),
    AGENT("agent", Phase.START, "the guest's agent answered its health check"),
    TUNNEL("tunnel", Phase.START, "the worker's half of the pod's tunnel was set up (beside guest-boot)"),
    RUNNING("running", Phase.RUN, "the pod ran"),
    LANDING("landing", Phase.STOP, "it was waited for whether a create that nobody answered still lands"),
    CLOUD_DELETE("cloud-delete", Phase.STOP, "the cloud deleted the VM"),
    RELEASE("release", Phase.STOP, "tunnel, agent session and folder were taken down (beside cloud-delete)");

    private final String label;
    private final Phase phase;
    private final String words;

    /** The three parts of a life. */
    public enum Phase {
        START,
        RUN,
        STOP
    }

    Spent(String label, Phase phase, String words) {
        this.label = label;
        this.phase = phase;
        this.words = words;
    }

    /** How it is called in texts, JSON and metrics. */
    public String label() {
        return label;
    }

    /** Which part of a life it belongs to. */
    public Phase phase() {
        return phase;
    }

    /** What happens in it. */
    public String words() {
        return words;
    }
}
