// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.LaunchToken;

/**
 * What is known of a sandbox from its preparation on, and never changes.
 *
 * @param token names its VM in the cloud, derived from the sandbox alone
 * @param pod whom it is for
 * @param plan what the effects need
 */
public record Sandbox(LaunchToken token, Pod pod, Plan plan) {

    /** The sandbox's id, as the shim gave it. */
    public String id() {
        return token.sandboxId();
    }
}
