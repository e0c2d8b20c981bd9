// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import org.jspecify.annotations.Nullable;

/** The one exception of a provider; what matters is its {@link #failure()}. */
public final class CloudException extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient CloudFailure failure;

    public CloudException(CloudFailure failure) {
        this(failure, null);
    }

    public CloudException(CloudFailure failure, @Nullable Throwable cause) {
        super(failure.message(), cause);
        this.failure = failure;
    }

    /** What happened, as the life-cycle sees it. */
    public CloudFailure failure() {
        return failure;
    }
}
