// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.grpc.StatusException;

/** What the node changes in a CreateContainer request. */
interface ContainerEdit {
    /**
     * The request as the agent shall see it; may block.
     *
     * @throws StatusException to answer the shim instead of asking the agent
     */
    byte[] edit(byte[] payload) throws StatusException;
}
