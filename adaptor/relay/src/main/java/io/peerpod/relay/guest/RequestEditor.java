// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.grpc.StatusException;
import java.time.Duration;
import java.util.Optional;

/** Changes the few requests that must not reach the agent as they came. */
public interface RequestEditor {
    /** Leaves every request as it is. */
    RequestEditor NONE = new RequestEditor() {
        @Override
        public boolean edits(String service, String method) {
            return false;
        }

        @Override
        public byte[] edit(String service, String method, byte[] payload, Optional<Duration> remaining) {
            return payload;
        }
    };

    /**
     * Whether requests of this method go through {@link #edit}. Called on the event loop, once per method: must be pure and must not block.
     */
    boolean edits(String service, String method);

    /**
     * The payload that the agent shall see. Runs on a virtual thread of its own and may block; requests of other streams overtake it. It is interrupted when its
     * client goes away.
     *
     * @param payload the protobuf message of the request
     * @param remaining what the caller's deadline leaves, empty without one
     * @throws StatusException to answer the caller instead of asking the agent
     */
    byte[] edit(String service, String method, byte[] payload, Optional<Duration> remaining)
            throws StatusException, InterruptedException;
}
