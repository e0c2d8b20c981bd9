// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Keeps the kernel's connection tracking away from tunnels: every inner flow has an outer source port of its own, and on a busy
 * worker those would fill the table. One nf_tables table named {@code peerpods} in the family {@code inet}; nobody else's rules are
 * touched, and a flush of other tables does not undo it (W-F12). Speaks to the namespace of the thread that opened it.
 */
public final class NotrackTable implements AutoCloseable {
    private static final ByteOrder HOST = ByteOrder.nativeOrder();

    private final NetlinkSocket socket;

    private NotrackTable(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Opens a connection to the namespace of the calling thread. */
    public static NotrackTable open() throws IOException {
        return new NotrackTable(NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER));
    }

    /** Leaves UDP from and to that address with that destination port untracked; nothing to do if it is already. */
    public void put(InetAddress address, int port) throws IOException {
        List<MessageWriter> element = List.of(NotrackMessages.put(HOST, address, port));
        String action = "leave " + address.getHostAddress() + " untracked";
        try {
            commit(action, element);
            return;
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENOENT)) {
                throw e;
            }
        }
        createTable();
        commit(action, element);
    }

    private void createTable() throws IOException {
        try {
            commit("create the table peerpods", NotrackMessages.create(HOST));
        } catch (ErrnoException e) {
            // Another tunnel was first. What the refused transaction left unread carries older numbers and is passed
            // over.
            if (!e.is(Errno.EEXIST)) {
                throw e;
            }
        }
    }

    /** Undoes {@link #put}; nothing to do if it is undone already. */
    public void delete(InetAddress address, int port) throws IOException {
        try {
            commit("track " + address.getHostAddress(), List.of(NotrackMessages.delete(HOST, address, port)));
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENOENT)) {
                throw e;
            }
        }
    }

    private void commit(String action, List<MessageWriter> messages) throws IOException {
        socket.batch(action, NotrackMessages.batch(HOST, messages), messages.size());
    }

    /** Whether that address and port are left untracked. */
    public boolean contains(InetAddress address, int port) throws IOException {
        try {
            for (ByteBuffer body : socket.dump("list untracked addresses", NotrackMessages.list(HOST, address))) {
                if (NotrackMessages.holds(body, address, port)) {
                    return true;
                }
            }
            return false;
        } catch (ErrnoException e) {
            if (e.is(Errno.ENOENT)) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        socket.close();
    }
}
