// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

/** The pod VM could not be provisioned; the message says why and what to do. */
public final class ProvisionException extends Exception {

    private static final long serialVersionUID = 1L;

    public ProvisionException(String message) {
        super(message);
    }

    public ProvisionException(String message, Throwable cause) {
        super(message, cause);
    }
}
