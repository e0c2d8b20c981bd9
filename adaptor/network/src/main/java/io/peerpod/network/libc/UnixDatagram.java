// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import java.io.IOException;

/** One message to a Unix datagram socket, which the JDK cannot send: {@code sd_notify(3)} and the like. */
public final class UnixDatagram {
    private UnixDatagram() {}

    /**
     * Sends one message; never blocks, a full receiver is an error.
     *
     * @param path of the receiver's socket; a leading {@code @} means the abstract name space
     * @throws IllegalArgumentException if the path is too long for the kernel
     * @throws IOException if the receiver does not exist or refuses
     */
    public static void send(String path, byte[] message) throws IOException {
        send(path, message, new int[0]);
    }

    /**
     * As {@link #send(String, byte[])}, with descriptors ({@code FDSTORE=1}), which stay open here.
     *
     * @param descriptors at most {@link DescriptorMessage#MAX_DESCRIPTORS}
     */
    public static void send(String path, byte[] message, int... descriptors) throws IOException {
        Libc libc = Libc.system();
        int socket = libc.socket(Constants.AF_UNIX, Constants.SOCK_DGRAM | Constants.SOCK_CLOEXEC, 0);
        try {
            libc.sendmsg(
                    socket,
                    message,
                    Constants.MSG_NOSIGNAL | Constants.MSG_DONTWAIT,
                    SocketAddresses.unix(path),
                    descriptors);
        } finally {
            libc.close(socket);
        }
    }
}
