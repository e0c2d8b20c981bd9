// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A UDP socket with don't-fragment set, opened inside a namespace. Not the JDK's: that one refuses IPv6 for good if the process
 * started in a namespace whose loopback was down.
 */
final class UdpSocket implements AutoCloseable {
    private static final int RECEIVE_MILLIS = 5_000;

    private final Libc libc = Libc.system();
    private final int descriptor;
    private final byte[] address;

    private UdpSocket(int descriptor, int addressBytes) throws IOException {
        this.descriptor = descriptor;
        address = new byte[addressBytes];
        libc.getsockname(descriptor, address);
    }

    static UdpSocket open(NetworkNamespace namespace, InetAddress local) throws IOException {
        Libc libc = Libc.system();
        boolean ipv4 = local instanceof Inet4Address;
        return namespace.compute(() -> {
            int family = ipv4 ? Constants.AF_INET : Constants.AF_INET6;
            int descriptor = libc.socket(family, Constants.SOCK_DGRAM | Constants.SOCK_CLOEXEC, 0);
            try {
                libc.setsockopt(
                        descriptor,
                        ipv4 ? Constants.IPPROTO_IP : Constants.IPPROTO_IPV6,
                        ipv4 ? Constants.IP_MTU_DISCOVER : Constants.IPV6_MTU_DISCOVER,
                        Constants.IP_PMTUDISC_DO);
                byte[] name = name(local);
                libc.bind(descriptor, name);
                return new UdpSocket(descriptor, name.length);
            } catch (IOException e) {
                libc.close(descriptor);
                throw e;
            }
        });
    }

    private static byte[] name(InetAddress local) {
        boolean ipv4 = local instanceof Inet4Address;
        ByteBuffer name = ByteBuffer.allocate(ipv4 ? 16 : 28).order(ByteOrder.nativeOrder());
        name.putShort((short) (ipv4 ? Constants.AF_INET : Constants.AF_INET6)).putShort((short) 0);
        if (!ipv4) {
            name.putInt(0);
        }
        return name.put(local.getAddress()).array();
    }

    void deliver(UdpSocket to, byte[] data) throws IOException {
        libc.sendto(descriptor, data, 0, to.address);
        if ((libc.poll(to.descriptor, Constants.POLLIN, RECEIVE_MILLIS) & Constants.POLLIN) == 0) {
            throw new IOException("A packet of " + data.length + " bytes did not arrive.");
        }
        byte[] buffer = new byte[65_536];
        byte[] sender = new byte[address.length];
        int count = libc.recvfrom(to.descriptor, buffer, 0, sender);
        if (count != data.length || !Arrays.equals(sender, address)) {
            throw new IOException("Seen " + count + " bytes from another sender than expected.");
        }
    }

    @Override
    public void close() throws IOException {
        libc.close(descriptor);
    }
}
