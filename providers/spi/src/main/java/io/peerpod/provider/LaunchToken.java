// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import java.util.regex.Pattern;

/**
 * The idempotency key of one pod VM, derived from its sandbox alone, so that a daemon that lost its memory asks for the same VM
 * again.
 *
 * @param sandboxId the sandbox's id as the shim gave it
 * @param instanceName the VM's name in the cloud (adaptor.md 8.3): lower-case letters, digits and hyphens, at most 63
 */
public record LaunchToken(String sandboxId, String instanceName) {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

    public LaunchToken {
        if (sandboxId.isEmpty()) {
            throw new IllegalArgumentException("sandbox id is empty");
        }
        if (!NAME.matcher(instanceName).matches()) {
            throw new IllegalArgumentException("instance name '" + instanceName
                    + "' is not made of lower-case letters, digits and inner hyphens, at most 63");
        }
    }
}
