// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import java.io.FileDescriptor;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;

/**
 * Channels over sockets that another process opened, and the descriptors of channels. The JDK has both, but not for everybody: each process that
 * uses this is started with {@value #OPEN_MODULE}, and asks {@link #probe} at its start.
 *
 * <p>A channel that is registered with a selector must not be closed once its socket was handed over: that would shut the socket down for the
 * successor as well. Both processes share {@code O_NONBLOCK}.
 */
public final class AdoptedChannels {
    /** What the launcher has to say. */
    public static final String OPEN_MODULE = "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED";

    private static final int ADDRESS_BYTES = 128;
    private static final int IPV4_ADDRESS = 4;
    private static final int IPV6_ADDRESS = 8;

    private record Doors(Constructor<?> stream, Constructor<?> listener, Method newDescriptor, Method descriptor) {}

    private static final class Holder {
        static final Doors DOORS = find();
    }

    private AdoptedChannels() {}

    private static Doors find() {
        try {
            Constructor<?> stream = Class.forName("sun.nio.ch.SocketChannelImpl")
                    .getDeclaredConstructor(
                            SelectorProvider.class, ProtocolFamily.class, FileDescriptor.class, SocketAddress.class);
            Constructor<?> listener = Class.forName("sun.nio.ch.ServerSocketChannelImpl")
                    .getDeclaredConstructor(
                            SelectorProvider.class, ProtocolFamily.class, FileDescriptor.class, boolean.class);
            Method newDescriptor = Class.forName("sun.nio.ch.IOUtil").getDeclaredMethod("newFD", int.class);
            Method descriptor = Class.forName("sun.nio.ch.SelChImpl").getDeclaredMethod("getFDVal");
            stream.setAccessible(true);
            listener.setAccessible(true);
            newDescriptor.setAccessible(true);
            descriptor.setAccessible(true);
            return new Doors(stream, listener, newDescriptor, descriptor);
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new UnsupportedOperationException(
                    "this JDK (" + System.getProperty("java.vm.version")
                            + ") does not let sockets be handed over: " + e
                            + ". Start it with " + OPEN_MODULE
                            + ", or run the JDK release that this version of peerpods was tested with",
                    e);
        }
    }

    /**
     * Finds everything that is needed here, and adopts a socket of each kind.
     *
     * @throws UnsupportedOperationException in words, when this JDK has changed, or was not started with {@link #OPEN_MODULE}
     */
    public static void probe() {
        Libc libc = Libc.system();
        try {
            int socket = libc.socket(Constants.AF_UNIX, Constants.SOCK_STREAM | Constants.SOCK_CLOEXEC, 0);
            try (SocketChannel stream = stream(socket, StandardProtocolFamily.UNIX, UnixDomainSocketAddress.of(""))) {
                require(descriptor(stream) == socket && stream.isConnected());
            }
            int second = libc.socket(Constants.AF_UNIX, Constants.SOCK_STREAM | Constants.SOCK_CLOEXEC, 0);
            try (ServerSocketChannel listener = listener(second)) {
                require(descriptor(listener) == second && listener.isOpen());
            }
        } catch (IOException e) {
            throw new UnsupportedOperationException("sockets cannot be handed over: " + e.getMessage(), e);
        }
    }

    private static void require(boolean asExpected) {
        if (!asExpected) {
            throw new UnsupportedOperationException("this JDK (" + System.getProperty("java.vm.version")
                    + ") makes something else of an adopted socket than the releases this version was tested with");
        }
    }

    /** The descriptor of an open channel, which remains its own. */
    public static int descriptor(Channel channel) {
        try {
            return (int) Holder.DOORS.descriptor.invoke(channel);
        } catch (ReflectiveOperationException e) {
            throw new UnsupportedOperationException("a " + channel.getClass() + " tells no descriptor: " + e, e);
        }
    }

    /** A connected stream, of a Unix or a TCP socket, in blocking mode as the JDK sees it. The channel owns the descriptor from now on. */
    public static SocketChannel stream(int descriptor) throws IOException {
        byte[] address = new byte[ADDRESS_BYTES];
        Libc.system().getpeername(descriptor, address);
        ProtocolFamily family = family(descriptor);
        return stream(
                descriptor,
                family,
                family == StandardProtocolFamily.UNIX ? UnixDomainSocketAddress.of("") : internet(family, address));
    }

    private static SocketChannel stream(int descriptor, ProtocolFamily family, SocketAddress peer) throws IOException {
        return (SocketChannel) make(Holder.DOORS.stream, family, descriptor, peer);
    }

    /** A listening or bound socket, Unix or TCP. The channel owns the descriptor from now on. */
    public static ServerSocketChannel listener(int descriptor) throws IOException {
        return (ServerSocketChannel) make(Holder.DOORS.listener, family(descriptor), descriptor, true);
    }

    /** Whether it is a socket that accepts connections, rather than a connected one. */
    public static boolean isListener(int descriptor) throws IOException {
        return Libc.system().getsockopt(descriptor, Constants.SOL_SOCKET, Constants.SO_ACCEPTCONN) != 0;
    }

    private static Object make(Constructor<?> kind, ProtocolFamily family, int descriptor, Object last)
            throws IOException {
        try {
            return kind.newInstance(
                    SelectorProvider.provider(), family, Holder.DOORS.newDescriptor.invoke(null, descriptor), last);
        } catch (InvocationTargetException e) {
            throw new IOException("descriptor " + descriptor + " cannot be adopted: " + e.getCause(), e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new UnsupportedOperationException("descriptor " + descriptor + " cannot be adopted: " + e, e);
        }
    }

    private static ProtocolFamily family(int descriptor) throws IOException {
        int domain = Libc.system().getsockopt(descriptor, Constants.SOL_SOCKET, Constants.SO_DOMAIN);
        return switch (domain) {
            case Constants.AF_UNIX -> StandardProtocolFamily.UNIX;
            case Constants.AF_INET -> StandardProtocolFamily.INET;
            case Constants.AF_INET6 -> StandardProtocolFamily.INET6;
            default -> throw new IOException("a socket of family " + domain + " is neither Unix nor TCP");
        };
    }

    private static InetSocketAddress internet(ProtocolFamily family, byte[] address) throws IOException {
        boolean four = family == StandardProtocolFamily.INET;
        byte[] host = new byte[four ? 4 : 16];
        ByteBuffer.wrap(address).get(four ? IPV4_ADDRESS : IPV6_ADDRESS, host);
        return new InetSocketAddress(
                InetAddress.getByAddress(host), ByteBuffer.wrap(address).getShort(2) & 0xffff);
    }
}
