// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import java.io.IOException;
import java.time.Duration;

/** A place that holds the user data of this pod VM. */
public interface UserDataSource {

    /** What it is and where, for messages: {@code Azure metadata service at http://…}. */
    String name();

    /**
     * Asks once.
     *
     * @param budget the time this attempt may take, all of its requests together
     * @return the cloud-config text, never empty
     * @throws IOException in words if there is no user data, or none yet; the caller tries again
     * @throws InterruptedException if the thread was interrupted while it waited
     */
    byte[] fetch(Duration budget) throws IOException, InterruptedException;
}
