// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Libc;
import io.peerpod.network.netlink.Link;
import java.io.IOException;
import java.net.Inet4Address;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Asks through the tunnel who has the pod's IPv4 address, as a machine does that looks whether an address is free (RFC 5227: sender
 * address 0.0.0.0, so that no neighbour table changes). The guest's kernel answers by itself. The packet socket sees the answer before
 * the redirection takes it (packet(7): ETH_P_ALL).
 */
final class TunnelProbe {
    private static final int AF_PACKET = 17;
    private static final int ETH_P_ALL = 0x0003;
    private static final int ETH_P_ARP = 0x0806;
    private static final int ARP_REQUEST = 1;
    private static final int ARP_REPLY = 2;
    private static final int ETHERNET = 1;
    private static final int IPV4 = 0x0800;
    private static final int MAC_BYTES = 6;
    private static final int IPV4_BYTES = 4;
    private static final int SOCKADDR_LL_BYTES = 20;
    private static final int HEADER_BYTES = 14;
    private static final int FRAME_BYTES = 42;

    private final NetworkNamespace pod;
    private final Link tunnel;
    private final byte[] address;

    private TunnelProbe(NetworkNamespace pod, Link tunnel, byte[] address) {
        this.pod = pod;
        this.tunnel = tunnel;
        this.address = address;
    }

    /** Empty for a pod without an IPv4 address: the probe does not speak the other family's tongue. */
    static Optional<TunnelProbe> of(NetworkNamespace pod, Link tunnel, PodNetwork network) {
        return network.addresses().stream()
                .map(IpPrefix::address)
                .filter(Inet4Address.class::isInstance)
                .findFirst()
                .map(ip -> new TunnelProbe(pod, tunnel, ip.getAddress()));
    }

    /** Whether the answer came within the time. Waits on a thread of its own. */
    boolean answered(Duration patience) throws IOException {
        return pod.compute(() -> askAndWait(patience));
    }

    private boolean askAndWait(Duration patience) throws IOException {
        Libc libc = Libc.system();
        int socket = open(libc);
        try {
            libc.send(socket, request(), 0);
            long end = System.nanoTime() + patience.toNanos();
            byte[] frame = new byte[FRAME_BYTES];
            while (true) {
                long left = (end - System.nanoTime()) / 1_000_000;
                if (left <= 0 || libc.poll(socket, Constants.POLLIN, (int) left) == 0) {
                    return false;
                }
                int length = libc.recv(socket, frame, 0);
                if (length >= FRAME_BYTES && isAnswer(frame)) {
                    return true;
                }
            }
        } finally {
            libc.close(socket);
        }
    }

    private int open(Libc libc) throws IOException {
        int socket = libc.socket(AF_PACKET, Constants.SOCK_RAW | Constants.SOCK_CLOEXEC, 0);
        try {
            libc.bind(socket, address(tunnel.index()));
            return socket;
        } catch (IOException | RuntimeException e) {
            libc.close(socket);
            throw e;
        }
    }

    /** {@code struct sockaddr_ll}. */
    private static byte[] address(int interfaceIndex) {
        ByteBuffer protocol = ByteBuffer.allocate(2).putShort((short) ETH_P_ALL).flip();
        return ByteBuffer.allocate(SOCKADDR_LL_BYTES)
                .order(ByteOrder.nativeOrder())
                .putShort((short) AF_PACKET)
                .put(protocol)
                .putInt(interfaceIndex)
                .array();
    }

    byte[] request() {
        byte[] sender = HexFormat.ofDelimiter(":").parseHex(tunnel.macAddress());
        byte[] everybody = new byte[MAC_BYTES];
        Arrays.fill(everybody, (byte) 0xFF);
        return ByteBuffer.allocate(FRAME_BYTES)
                .put(everybody)
                .put(sender)
                .putShort((short) ETH_P_ARP)
                .putShort((short) ETHERNET)
                .putShort((short) IPV4)
                .put((byte) MAC_BYTES)
                .put((byte) IPV4_BYTES)
                .putShort((short) ARP_REQUEST)
                .put(sender)
                .put(new byte[IPV4_BYTES])
                .put(new byte[MAC_BYTES])
                .put(address)
                .array();
    }

    boolean isAnswer(byte[] frame) {
        ByteBuffer bytes = ByteBuffer.wrap(frame);
        return bytes.getShort(HEADER_BYTES - 2) == ETH_P_ARP
                && bytes.getShort(HEADER_BYTES + 6) == ARP_REPLY
                && Arrays.equals(
                        frame,
                        HEADER_BYTES + 8 + MAC_BYTES,
                        HEADER_BYTES + 8 + MAC_BYTES + IPV4_BYTES,
                        address,
                        0,
                        IPV4_BYTES);
    }
}
