// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import java.util.Optional;

/**
 * What a guest is given to be known by, for {@code apf.json}.
 *
 * @param serverKey PKCS#8 PEM; secret; empty when the image brings its own
 * @param serverCertificate PEM
 * @param clientAuthority PEM of whom the guest shall let in; empty when the image knows
 */
public record GuestCredentials(
        Optional<String> serverKey, Optional<String> serverCertificate, Optional<String> clientAuthority) {
    @Override
    public String toString() {
        return "GuestCredentials[***]";
    }
}
