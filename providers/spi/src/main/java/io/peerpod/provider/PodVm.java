// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A pod VM as the cloud shows it.
 *
 * @param id the cloud's own id
 * @param token the launch token it was made under
 * @param state what the cloud says of it
 * @param addresses in order of preference; empty while the cloud has given none
 * @param createdAt from its tags or the cloud; empty when unknown, which counts as young
 * @param failure why it is {@link State#FAILED}
 */
public record PodVm(
        String id,
        LaunchToken token,
        State state,
        List<InetAddress> addresses,
        Optional<Instant> createdAt,
        Optional<CloudFailure> failure) {

    public PodVm {
        addresses = List.copyOf(addresses);
    }

    /** What the cloud says of a VM. */
    public enum State {
        /** Asked for; it may or may not have an address. */
        CREATING,
        RUNNING,
        /** Stopped, crashed or failed to come up; it is still there and may be billed. */
        FAILED,
        DELETING
    }
}
