// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import io.peerpod.relay.TlsFiles;
import java.util.Optional;

/**
 * One TLS identity of this worker.
 *
 * @param name what a journal refers to it by
 * @param files what the relay presents and trusts; empty for plain TCP
 */
public record Identity(String name, Optional<TlsFiles> files) {
    /** The name of the identity made of the operator's files. */
    public static final String FILES = "files";

    /** The name of having none: plain TCP. */
    public static final String NONE = "none";
}
