// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import io.peerpod.network.libc.SocketAddresses;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A netlink socket: one request at a time, each answered. It speaks to the namespace of the thread that opened it.
 * See <a href="https://man7.org/linux/man-pages/man7/netlink.7.html">netlink(7)</a>.
 */
public final class NetlinkSocket implements AutoCloseable {
    /** Protocol number of routing netlink. */
    public static final int NETLINK_ROUTE = 0;

    /** Protocol number of netfilter's netlink. */
    public static final int NETLINK_NETFILTER = 12;

    static final int NLM_F_REQUEST = 0x1;
    static final int NLM_F_MULTI = 0x2;
    static final int NLM_F_ACK = 0x4;
    static final int NLM_F_DUMP_INTR = 0x10;
    static final int NLM_F_DUMP = 0x300;
    static final int NLM_F_REPLACE = 0x100;
    static final int NLM_F_EXCL = 0x200;
    static final int NLM_F_CREATE = 0x400;
    private static final int NLM_F_CAPPED = 0x100;
    private static final int NLM_F_ACK_TLVS = 0x200;

    private static final int NLMSG_ERROR = 2;
    private static final int NLMSG_DONE = 3;
    private static final int NLMSGERR_ATTR_MSG = 1;
    private static final int NETLINK_CAP_ACK = 10;

    /** The kernel fills a dump's datagrams up to 32 KiB. */
    private static final int RECEIVE_BYTES = 64 << 10;

    /** A dump that something changed under is asked again; a busy node needs a few, never this many. */
    static final int MAX_DUMP_ATTEMPTS = 20;

    /** Seconds after which a kernel that does not answer is an error. */
    private static final long ANSWER_TIMEOUT_SECONDS = 30;

    private final Libc libc = Libc.system();
    private final ReentrantLock lock = new ReentrantLock();
    private final int socket;
    private int sequence;
    private boolean closed;

    private NetlinkSocket(int socket) {
        this.socket = socket;
    }

    /**
     * Opens a socket in the namespace of the calling thread.
     *
     * @param protocol {@link #NETLINK_ROUTE} or {@link #NETLINK_NETFILTER}
     */
    public static NetlinkSocket open(int protocol) throws IOException {
        Libc libc = Libc.system();
        int socket = libc.socket(Constants.AF_NETLINK, Constants.SOCK_RAW | Constants.SOCK_CLOEXEC, protocol);
        try {
            byte[] timeout = ByteBuffer.allocate(16)
                    .order(ByteOrder.nativeOrder())
                    .putLong(ANSWER_TIMEOUT_SECONDS)
                    .array();
            libc.setsockopt(socket, Constants.SOL_SOCKET, Constants.SO_RCVTIMEO, timeout);
            libc.setsockopt(socket, Constants.SOL_NETLINK, NETLINK_CAP_ACK, 1);
            libc.setsockopt(socket, Constants.SOL_NETLINK, Constants.NETLINK_EXT_ACK, 1);
            libc.connect(socket, SocketAddresses.netlink(0, 0));
            return new NetlinkSocket(socket);
        } catch (IOException | RuntimeException e) {
            libc.close(socket);
            throw e;
        }
    }

    /**
     * Sends a request and waits for its acknowledgement.
     *
     * @param action what it does, for the error's text
     * @param request with {@code NLM_F_ACK}
     * @throws ErrnoException if the kernel refuses, with its own words where it gives some
     */
    public void request(String action, MessageWriter request) throws IOException {
        exchange(action, request);
    }

    /**
     * Sends a request that is answered by one message and an acknowledgement; returns the bodies of the answers.
     *
     * @param request with {@code NLM_F_ACK}
     */
    List<ByteBuffer> exchange(String action, MessageWriter request) throws IOException {
        lock.lock();
        try {
            int number = send(action, request);
            return receive(action, number).bodies;
        } finally {
            lock.unlock();
        }
    }

    /** Asks for a list; again, a limited number of times, if it changed while the kernel was writing it. */
    List<ByteBuffer> dump(String action, MessageWriter request) throws IOException {
        lock.lock();
        try {
            for (int attempt = 1; ; attempt++) {
                try {
                    Answer answer = receive(action, send(action, request));
                    if (!answer.interrupted) {
                        return answer.bodies;
                    }
                } catch (ErrnoException e) {
                    if (!e.is(Errno.EINTR)) {
                        throw e;
                    }
                }
                if (attempt == MAX_DUMP_ATTEMPTS) {
                    throw new ErrnoException(
                            action + " (the list changed under each of " + attempt + " attempts to read it)",
                            Errno.EINTR.number());
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Sends messages that the kernel takes together (a netfilter batch) and waits for the acknowledgement of those that ask for one.
     *
     * @param messages in order; their sequence numbers are set here
     * @param acknowledged how many of them carry {@code NLM_F_ACK}
     */
    public void batch(String action, List<MessageWriter> messages, int acknowledged) throws IOException {
        lock.lock();
        try {
            int first = sequence + 1;
            List<byte[]> parts = new ArrayList<>();
            int size = 0;
            for (MessageWriter message : messages) {
                byte[] part = message.finish(++sequence);
                parts.add(part);
                size += part.length;
            }
            ByteBuffer all = ByteBuffer.allocate(size);
            parts.forEach(all::put);
            libc.send(checkedSocket(), all.array(), 0);
            int seen = 0;
            while (seen < acknowledged) {
                ByteBuffer datagram = receiveDatagram();
                while (datagram.remaining() >= MessageWriter.HEADER_BYTES) {
                    Header header = Header.read(datagram);
                    if (header.type == NLMSG_ERROR && header.sequence >= first) {
                        throwIfError(action, header, header.body(datagram));
                        seen++;
                    }
                    header.skip(datagram);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private int checkedSocket() throws IOException {
        if (closed) {
            throw new IOException("The netlink socket is closed.");
        }
        return socket;
    }

    private int send(String action, MessageWriter request) throws IOException {
        int number = ++sequence;
        byte[] message = request.finish(number);
        int sent = libc.send(checkedSocket(), message, 0);
        if (sent != message.length) {
            throw new IOException(action + ": the kernel took " + sent + " of " + message.length + " bytes.");
        }
        return number;
    }

    private static final class Answer {
        final List<ByteBuffer> bodies = new ArrayList<>();
        boolean interrupted;
        boolean complete;
    }

    private Answer receive(String action, int number) throws IOException {
        Answer answer = new Answer();
        while (!answer.complete) {
            ByteBuffer datagram = receiveDatagram();
            while (datagram.remaining() >= MessageWriter.HEADER_BYTES && !answer.complete) {
                Header header = Header.read(datagram);
                // An answer to an earlier request that failed half-way is still in the queue: not ours.
                if (header.sequence == number) {
                    take(action, header, header.body(datagram), answer);
                }
                header.skip(datagram);
            }
        }
        return answer;
    }

    private static void take(String action, Header header, ByteBuffer body, Answer answer) throws IOException {
        answer.interrupted |= (header.flags & NLM_F_DUMP_INTR) != 0;
        switch (header.type) {
            case NLMSG_ERROR -> {
                throwIfError(action, header, body);
                answer.complete = true;
            }
            case NLMSG_DONE -> {
                if (body.remaining() >= 4) {
                    throwIfError(action, header, body);
                }
                answer.complete = true;
            }
            default -> answer.bodies.add(body);
        }
    }

    /** {@code struct nlmsgerr}: the error, the request's header, its body unless capped, then the kernel's attributes. */
    private static void throwIfError(String action, Header header, ByteBuffer body) throws ErrnoException {
        int error = -body.getInt();
        if (error == 0) {
            return;
        }
        if ((header.flags & NLM_F_ACK_TLVS) != 0) {
            if (header.type == NLMSG_ERROR) {
                int echoed = (header.flags & NLM_F_CAPPED) != 0
                        ? MessageWriter.HEADER_BYTES
                        : (body.getInt(body.position()) + 3) & ~3;
                body.position(Math.min(body.limit(), body.position() + echoed));
            }
            String text = Attributes.read(body).text(NLMSGERR_ATTR_MSG).orElse("");
            if (!text.isEmpty()) {
                throw new ErrnoException(action, error, text);
            }
        }
        throw new ErrnoException(action, error);
    }

    private ByteBuffer receiveDatagram() throws IOException {
        byte[] buffer = new byte[RECEIVE_BYTES];
        while (true) {
            try {
                int length = libc.recv(checkedSocket(), buffer, Constants.MSG_TRUNC);
                if (length > buffer.length) {
                    throw new IOException("The kernel sent a netlink message of " + length + " bytes, more than "
                            + buffer.length + ".");
                }
                return ByteBuffer.wrap(buffer, 0, length).order(ByteOrder.nativeOrder());
            } catch (ErrnoException e) {
                if (!e.is(Errno.EINTR)) {
                    throw e;
                }
            }
        }
    }

    /** {@code struct nlmsghdr}, read at the buffer's position, which is then behind it. */
    private record Header(int start, int length, int type, int flags, int sequence) {
        static Header read(ByteBuffer buffer) throws IOException {
            int start = buffer.position();
            int length = buffer.getInt();
            int type = Short.toUnsignedInt(buffer.getShort());
            int flags = Short.toUnsignedInt(buffer.getShort());
            int sequence = buffer.getInt();
            buffer.getInt();
            if (length < MessageWriter.HEADER_BYTES || length > buffer.limit() - start) {
                throw new IOException("The kernel sent a netlink message that says it has " + length + " bytes of "
                        + (buffer.limit() - start) + ".");
            }
            return new Header(start, length, type, flags, sequence);
        }

        ByteBuffer body(ByteBuffer datagram) {
            return datagram.slice(start + MessageWriter.HEADER_BYTES, length - MessageWriter.HEADER_BYTES)
                    .order(datagram.order());
        }

        void skip(ByteBuffer datagram) {
            datagram.position(Math.min(datagram.limit(), start + ((length + 3) & ~3)));
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            if (!closed) {
                closed = true;
                libc.close(socket);
            }
        } catch (ErrnoException e) {
            // Linux frees the descriptor whatever close(2) says.
        } finally {
            lock.unlock();
        }
    }
}
