// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import java.io.IOException;

/** A call that the kernel refused, with its error number. */
public final class ErrnoException extends IOException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    /**
     * @param action what was asked, such as {@code mount proc on /proc}
     * @param errno positive
     */
    public ErrnoException(String action, int errno) {
        super(action + ": " + Errno.describe(errno));
        this.errno = errno;
    }

    /**
     * @param action what was asked
     * @param errno positive
     * @param kernelText the kernel's own words (netlink's extended acknowledgement)
     */
    public ErrnoException(String action, int errno, String kernelText) {
        super(action + ": " + Errno.describe(errno) + "; the kernel says: " + kernelText);
        this.errno = errno;
    }

    /** The error number, positive. */
    public int errno() {
        return errno;
    }

    /** Whether this is that error. */
    public boolean is(Errno expected) {
        return errno == expected.number();
    }

    /** Whether this is one of those errors. */
    public boolean isOneOf(Errno... expected) {
        for (Errno one : expected) {
            if (is(one)) {
                return true;
            }
        }
        return false;
    }
}
