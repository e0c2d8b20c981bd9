// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import jdk.net.ExtendedSocketOptions;

/**
 * What the containers of the packet test run: {@code echo ADDRESS PORT} sends one datagram back as it came; {@code send ADDRESS PORT} sends one that
 * fills a packet of the interface's MTU, with "don't fragment", and waits for it to come back.
 */
public final class FullPackets {
    private static final int IPV4_AND_UDP_BYTES = 28;
    private static final int IPV6_AND_UDP_BYTES = 48;

    private FullPackets() {}

    /** See the class. */
    public static void main(String[] arguments) throws IOException {
        InetAddress address = InetAddress.ofLiteral(arguments[1]);
        int port = Integer.parseInt(arguments[2]);
        try (DatagramChannel channel = DatagramChannel.open()) {
            channel.setOption(ExtendedSocketOptions.IP_DONTFRAGMENT, true);
            if (arguments[0].equals("echo")) {
                channel.bind(new InetSocketAddress(address, port));
                System.out.println("waiting");
                ByteBuffer packet = ByteBuffer.allocateDirect(65_536);
                var from = channel.receive(packet);
                channel.send(packet.flip(), from);
                System.out.println("echoed " + packet.limit());
                return;
            }
            int mtu = NetworkInterface.getByName("eth0").getMTU();
            int headers = address.getAddress().length == 4 ? IPV4_AND_UDP_BYTES : IPV6_AND_UDP_BYTES;
            channel.connect(new InetSocketAddress(address, port));
            channel.write(ByteBuffer.allocateDirect(mtu - headers));
            ByteBuffer back = ByteBuffer.allocateDirect(65_536);
            channel.socket().setSoTimeout(10_000);
            int size = channel.read(back);
            System.out.println("mtu " + mtu + " sent and received " + (size + headers));
        }
    }
}
