// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

/**
 * What {@code waitid} says of a child that changed state.
 *
 * @param pid its process id
 * @param code {@link #CLD_EXITED}, {@link #CLD_KILLED}, {@link #CLD_DUMPED} or another {@code CLD_*}
 * @param status exit status, or the signal's number
 */
public record ChildStatus(int pid, int code, int status) {
    public static final int CLD_EXITED = 1;
    public static final int CLD_KILLED = 2;
    public static final int CLD_DUMPED = 3;

    /** As a shell counts: the exit status, or 128 + the signal that ended it. */
    public int exitCode() {
        return code == CLD_EXITED ? status : 128 + status;
    }
}
