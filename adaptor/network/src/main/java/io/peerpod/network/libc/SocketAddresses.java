// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The bytes of the kernel's socket addresses. */
public final class SocketAddresses {
    /** {@code sizeof(sockaddr_un.sun_path)}; a file system path needs a final NUL within it. */
    private static final int UNIX_PATH_BYTES = 108;

    private SocketAddresses() {}

    /**
     * {@code struct sockaddr_un}; a leading {@code @} means the abstract name space, as in {@code NOTIFY_SOCKET}.
     *
     * @throws IllegalArgumentException if the path is empty or too long for the kernel
     */
    public static byte[] unix(String path) {
        byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
        boolean isAbstract = path.startsWith("@");
        int limit = isAbstract ? UNIX_PATH_BYTES : UNIX_PATH_BYTES - 1;
        if (bytes.length == 0 || bytes.length > limit) {
            throw new IllegalArgumentException("The socket path '" + path + "' has " + bytes.length
                    + " bytes; the kernel takes 1 to " + limit + ". Use a shorter folder.");
        }
        if (isAbstract) {
            bytes[0] = 0;
        }
        return ByteBuffer.allocate(2 + bytes.length + (isAbstract ? 0 : 1))
                .order(ByteOrder.nativeOrder())
                .putShort((short) Constants.AF_UNIX)
                .put(bytes)
                .array();
    }

    /** {@code struct sockaddr_nl}; port id 0 lets the kernel choose (bind) or is the kernel itself (connect). */
    public static byte[] netlink(int portId, int groups) {
        return ByteBuffer.allocate(12)
                .order(ByteOrder.nativeOrder())
                .putShort((short) Constants.AF_NETLINK)
                .putShort((short) 0)
                .putInt(portId)
                .putInt(groups)
                .array();
    }
}
