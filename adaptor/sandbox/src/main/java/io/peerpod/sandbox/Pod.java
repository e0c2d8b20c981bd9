// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

/**
 * Whom a sandbox is for.
 *
 * @param namespace the pod's Kubernetes namespace
 * @param name the pod's name
 */
public record Pod(String namespace, String name) {
    @Override
    public String toString() {
        return namespace + "/" + name;
    }
}
