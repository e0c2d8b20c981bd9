// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdoptedChannelsIT {
    private final Libc libc = Libc.system();

    @TempDir
    private Path folder;

    @Test
    void thisJdkCanDoIt() {
        AdoptedChannels.probe();
    }

    @Test
    void aUnixListenerAndAConnectionGoOnUnderNewDescriptors() throws Exception {
        UnixDomainSocketAddress name = UnixDomainSocketAddress.of(folder.resolve("s"));
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(name);
            try (SocketChannel client = SocketChannel.open(name);
                    SocketChannel accepted = listener.accept()) {
                int[] passed = pass(AdoptedChannels.descriptor(listener), AdoptedChannels.descriptor(accepted));
                assertThat(AdoptedChannels.isListener(passed[0])).isTrue();
                assertThat(AdoptedChannels.isListener(passed[1])).isFalse();
                try (ServerSocketChannel adopted = AdoptedChannels.listener(passed[0]);
                        SocketChannel stream = AdoptedChannels.stream(passed[1])) {
                    assertThat(adopted.getLocalAddress()).isEqualTo(name);
                    roundTrip(client, stream);
                    try (SocketChannel second = SocketChannel.open(name);
                            SocketChannel taken = adopted.accept()) {
                        roundTrip(second, taken);
                    }
                }
            }
        }
    }

    @Test
    void tcpConnectionsKeepTheirAddressesAndOptions() throws Exception {
        for (String host : new String[] {"127.0.0.1", "::1"}) {
            try (ServerSocketChannel listener = ServerSocketChannel.open()) {
                listener.bind(new InetSocketAddress(InetAddress.getByName(host), 0));
                try (SocketChannel client = SocketChannel.open(listener.getLocalAddress());
                        SocketChannel accepted = listener.accept()) {
                    int[] passed = pass(AdoptedChannels.descriptor(accepted), AdoptedChannels.descriptor(listener));
                    try (SocketChannel stream = AdoptedChannels.stream(passed[0]);
                            ServerSocketChannel adopted = AdoptedChannels.listener(passed[1])) {
                        assertThat(stream.getRemoteAddress()).isEqualTo(client.getLocalAddress());
                        assertThat(stream.getLocalAddress()).isEqualTo(client.getRemoteAddress());
                        stream.setOption(StandardSocketOptions.TCP_NODELAY, true);
                        assertThat(stream.getOption(StandardSocketOptions.TCP_NODELAY))
                                .isTrue();
                        roundTrip(client, stream);
                        SocketChannel.open(listener.getLocalAddress()).close();
                        adopted.accept().close();
                    }
                }
            }
        }
    }

    @Test
    void anAdoptedConnectionWorksWithASelector() throws Exception {
        UnixDomainSocketAddress name = UnixDomainSocketAddress.of(folder.resolve("s"));
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(name);
            try (SocketChannel client = SocketChannel.open(name);
                    SocketChannel accepted = listener.accept();
                    Selector selector = Selector.open()) {
                accepted.configureBlocking(false);
                try (SocketChannel stream = AdoptedChannels.stream(pass(AdoptedChannels.descriptor(accepted))[0])) {
                    stream.configureBlocking(false);
                    stream.register(selector, SelectionKey.OP_READ);
                    client.write(ByteBuffer.wrap("x".getBytes(UTF_8)));
                    assertThat(selector.select(10_000)).isOne();
                    assertThat(stream.read(ByteBuffer.allocate(9))).isOne();
                    assertThat(stream.read(ByteBuffer.allocate(9))).isZero();
                }
            }
        }
    }

    @Test
    void asManyAsTheKernelTakesGoInOneMessageWithCloseOnExec() throws Exception {
        int one = libc.open("/dev/null", Constants.O_RDONLY | Constants.O_CLOEXEC, 0);
        int[] all = new int[DescriptorMessage.MAX_DESCRIPTORS];
        Arrays.fill(all, one);
        int[] passed = pass(all);
        assertThat(passed).hasSize(all.length).doesNotContain(one);
        for (int descriptor : passed) {
            assertThat(libc.fcntl(descriptor, Constants.F_GETFD, 0)).isEqualTo(Constants.FD_CLOEXEC);
            libc.close(descriptor);
        }
        libc.close(one);
    }

    @Test
    void aDatagramCarriesThemToAName() throws Exception {
        String name = folder.resolve("notify").toString();
        int receiver = libc.socket(Constants.AF_UNIX, Constants.SOCK_DGRAM | Constants.SOCK_CLOEXEC, 0);
        libc.bind(receiver, SocketAddresses.unix(name));
        UnixDatagram.send(name, "FDSTORE=1\nFDNAME=a".getBytes(UTF_8), receiver);
        DescriptorMessage message = libc.recvmsg(receiver, 4096, Constants.MSG_DONTWAIT);
        assertThat(new String(message.data(), UTF_8)).isEqualTo("FDSTORE=1\nFDNAME=a");
        assertThat(message.descriptors()).hasSize(1);
        assertThat(message.truncated()).isFalse();
        libc.close(message.descriptors()[0]);
        libc.close(receiver);
    }

    @Test
    void whatIsNoSocketIsRefused() throws Exception {
        int file = libc.open("/dev/null", Constants.O_RDONLY | Constants.O_CLOEXEC, 0);
        assertThatThrownBy(() -> AdoptedChannels.stream(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("ENOTSOCK");
        assertThatThrownBy(() -> AdoptedChannels.listener(file)).isInstanceOf(IOException.class);
        libc.close(file);
    }

    /** Sends the descriptors through a socket of this process and returns the new ones. */
    private int[] pass(int... descriptors) throws IOException {
        String path = folder.resolve("pass").toString();
        int receiver = libc.socket(Constants.AF_UNIX, Constants.SOCK_DGRAM | Constants.SOCK_CLOEXEC, 0);
        try {
            libc.bind(receiver, SocketAddresses.unix(path));
            UnixDatagram.send(path, new byte[] {1}, descriptors);
            DescriptorMessage message = libc.recvmsg(receiver, 1, 0);
            assertThat(message.truncated()).isFalse();
            return message.descriptors();
        } finally {
            libc.close(receiver);
            java.nio.file.Files.deleteIfExists(Path.of(path));
        }
    }

    private static void roundTrip(SocketChannel left, SocketChannel right) throws IOException {
        for (SocketChannel[] way : new SocketChannel[][] {{left, right}, {right, left}}) {
            way[0].write(ByteBuffer.wrap("hello".getBytes(UTF_8)));
            ByteBuffer seen = ByteBuffer.allocate(16);
            while (seen.position() < 5) {
                way[1].read(seen);
            }
            assertThat(new String(seen.array(), 0, seen.position(), UTF_8)).isEqualTo("hello");
        }
    }
}
