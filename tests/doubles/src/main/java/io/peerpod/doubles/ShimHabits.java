// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.time.Duration;

/** What differs on the wire between the two Kata shims (kata-protocol.md 2 to 4, and what was seen with the real ones). */
public enum ShimHabits {
    /**
     * The Go shim: one hypervisor connection per call, one agent connection, a health check first and every five seconds, DestroySandbox at
     * the end, StopVM without a deadline.
     */
    GO(32 << 10, Duration.ofMinutes(10), Duration.ofMinutes(1), WireClient.Writing.WHOLE_FRAMES),
    /**
     * runtime-rs: one hypervisor connection for everything, two agent connections of which one stays silent, no health check first, no
     * DestroySandbox, several StopVMs at once with a deadline of one second each.
     */
    RUNTIME_RS(8 << 10, Duration.ofSeconds(10_000), Duration.ofSeconds(30), WireClient.Writing.PIECES);

    /** Deadline of CreateSandbox and SetPolicy of the Go shim with a remote hypervisor. */
    static final Duration SANDBOX_DEADLINE = Duration.ofMinutes(5);

    /** Deadline of the first health check. */
    static final Duration CHECK_DEADLINE = Duration.ofSeconds(30);

    /** How often the Go shim checks the agent's health. */
    static final Duration CHECK_PERIOD = Duration.ofSeconds(5);

    /** How long a shim tries to connect to the agent's socket. */
    static final Duration DIAL_BUDGET = Duration.ofSeconds(30);

    /** The deadline that runtime-rs gives StopVM. */
    static final Duration STOP_DEADLINE = Duration.ofSeconds(1);

    /** How many StopVMs of runtime-rs were seen at once. */
    static final int STOPS_AT_ONCE = 3;

    /** The largest piece of a file in one CopyFile. */
    static final int COPY_CHUNK_BYTES = 1 << 20;

    private final int readBytes;
    private final Duration startDeadline;
    private final Duration callDeadline;
    private final WireClient.Writing writing;

    ShimHabits(int readBytes, Duration startDeadline, Duration callDeadline, WireClient.Writing writing) {
        this.readBytes = readBytes;
        this.startDeadline = startDeadline;
        this.callDeadline = callDeadline;
        this.writing = writing;
    }

    /** The {@code len} of every read. */
    int readBytes() {
        return readBytes;
    }

    /** Sent with StartVM. */
    Duration startDeadline() {
        return startDeadline;
    }

    /** Sent with agent calls that have none of their own. */
    Duration callDeadline() {
        return callDeadline;
    }

    WireClient.Writing writing() {
        return writing;
    }
}
