// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.CloudFailure;

/** Why a sandbox is being stopped. */
public sealed interface StopCause {

    /** In words, for the caller that waits and for the log. */
    String message();

    /** The shim asked for it. */
    record Requested() implements StopCause {
        @Override
        public String message() {
            return "the shim asked to stop it";
        }
    }

    /** The cloud made no VM. */
    record LaunchFailed(CloudFailure failure) implements StopCause {
        @Override
        public String message() {
            return failure.message();
        }
    }

    /** The VM was made, and its guest was not reached. */
    record ConnectFailed(Trouble trouble) implements StopCause {
        @Override
        public String message() {
            return trouble.message();
        }
    }

    /** The guest of a running pod is gone for good. */
    record GuestLost(Trouble trouble) implements StopCause {
        @Override
        public String message() {
            return trouble.message();
        }
    }

    /** No shim has held on to it for longer than the grace period. */
    record Orphaned(Trouble trouble) implements StopCause {
        @Override
        public String message() {
            return trouble.message();
        }
    }
}
