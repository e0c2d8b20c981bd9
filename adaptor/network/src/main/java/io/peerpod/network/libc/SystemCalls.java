// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

/**
 * System call numbers of one architecture, for calls that the C library lacks or that it turns into a change of all threads.
 * Sources: {@code arch/x86/entry/syscalls/syscall_64.tbl}, {@code arch/s390/kernel/syscalls/syscall.tbl},
 * {@code include/uapi/asm-generic/unistd.h}.
 */
record SystemCalls(long setgroups, long setresuid, long setresgid, long gettid, long pidfdSendSignal, long pidfdOpen) {

    static final SystemCalls X86_64 = new SystemCalls(116, 117, 119, 186, 424, 434);
    static final SystemCalls S390X = new SystemCalls(206, 208, 210, 236, 424, 434);
    static final SystemCalls AARCH64 = new SystemCalls(159, 147, 149, 178, 424, 434);

    /**
     * @param architecture as in the system property {@code os.arch}
     * @throws UnsupportedOperationException naming the architecture
     */
    static SystemCalls of(String architecture) {
        return switch (architecture) {
            case "amd64", "x86_64" -> X86_64;
            case "s390x" -> S390X;
            case "aarch64" -> AARCH64;
            default ->
                throw new UnsupportedOperationException("peerpods knows the system calls of x86_64, s390x and aarch64"
                        + " Linux, not of '" + architecture + "'.");
        };
    }
}
