// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * One sandbox's way from the shim's socket to the forwarder in its pod VM.
 *
 * @param sandboxId of the Kata sandbox
 * @param socket absolute path of the agent socket for the shim, at most {@value #MAX_SOCKET_PATH_BYTES} bytes
 * @param addresses of the pod VM, the preferred one first; all are tried
 * @param port of the forwarder
 * @param tls key material, empty for plain TCP
 * @param serverName the name that the forwarder's certificate must carry, also sent as SNI; unused without TLS
 */
public record SessionSpec(
        String sandboxId,
        Path socket,
        List<InetAddress> addresses,
        int port,
        Optional<TlsFiles> tls,
        String serverName) {
    /** Room for a path in {@code sockaddr_un.sun_path}, without the final zero (unix(7)). */
    public static final int MAX_SOCKET_PATH_BYTES = 107;

    /** Copies the list and refuses what cannot be dialled. */
    public SessionSpec {
        addresses = List.copyOf(addresses);
        if (sandboxId.isEmpty()) {
            throw new IllegalArgumentException("a session needs a sandbox id");
        }
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("sandbox " + sandboxId + " has no address to dial");
        }
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("forwarder port " + port + " is not between 1 and 65535");
        }
    }
}
