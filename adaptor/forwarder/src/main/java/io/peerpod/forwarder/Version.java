// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

/** The version of this build. */
final class Version {

    private Version() {}

    /** From the jar's manifest, which tests do not have. */
    static String text() {
        String version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "(development)" : version;
    }
}
