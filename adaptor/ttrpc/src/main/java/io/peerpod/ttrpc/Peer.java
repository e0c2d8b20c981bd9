// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.UserPrincipal;
import java.util.Optional;
import jdk.net.ExtendedSocketOptions;

/**
 * Who is at the other end of a connection, as the kernel says.
 *
 * @param user the effective user of the process that connected; empty where the kernel does not know (TCP)
 * @param group its effective group; empty like the user
 */
public record Peer(Optional<UserPrincipal> user, Optional<GroupPrincipal> group) {
    private static final Peer UNKNOWN = new Peer(Optional.empty(), Optional.empty());

    /** Who connected this channel. */
    static Peer of(SocketChannel channel) throws IOException {
        SocketAddress address = channel.getLocalAddress();
        if (!(address instanceof UnixDomainSocketAddress)
                || !channel.supportedOptions().contains(ExtendedSocketOptions.SO_PEERCRED)) {
            return UNKNOWN;
        }
        var principal = channel.getOption(ExtendedSocketOptions.SO_PEERCRED);
        return new Peer(Optional.of(principal.user()), Optional.of(principal.group()));
    }

    /** Whether it is a process of root, in this process's user namespace. */
    public boolean isRoot() {
        try {
            // A number is accepted where no user has such a name, so this holds whatever user 0 is called.
            UserPrincipal root =
                    FileSystems.getDefault().getUserPrincipalLookupService().lookupPrincipalByName("0");
            return user.filter(root::equals).isPresent();
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    /** Whether it is a process of the user that this process runs as. */
    public boolean isThisUser() {
        try {
            UserPrincipal self = Files.getOwner(Path.of("/proc/self"));
            return user.filter(self::equals).isPresent();
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }
}
