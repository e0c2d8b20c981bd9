// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.handover;

import com.google.protobuf.ByteString;
import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.DescriptorMessage;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import io.peerpod.relay.handover.Part.Kind;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import jdk.net.ExtendedSocketOptions;

/**
 * The connection on which a hand-over takes place. A part is a header of {@value #HEADER_BYTES} bytes, big-endian on every machine (magic, format, kind, count of descriptors, length of the
 * payload, CRC-32C of all that and the payload), with which the descriptors travel, and the payload. Blocking, for a platform thread, and for one thread.
 */
public final class Passage implements AutoCloseable {
    /** Versions of the format that this build writes and reads. */
    public static final int OLDEST_FORMAT = 1;

    /** The newest of them. */
    public static final int NEWEST_FORMAT = 1;

    /** A session is its connections' unsent output and collected frames: some MiB. */
    static final int MAX_PAYLOAD_BYTES = 64 << 20;

    static final int HEADER_BYTES = 20;
    private static final int MAGIC = 0x50504831; // PPH1
    private static final int CRC_OFFSET = 16;
    private static final int PIECE_BYTES = 128 << 10;

    private final Libc libc = Libc.system();
    private final SocketChannel channel;
    private final int socket;
    private final int format;

    private Passage(SocketChannel channel, int format) {
        this.channel = channel;
        this.format = format;
        socket = AdoptedChannels.descriptor(channel);
    }

    /**
     * Over a connected Unix socket, which is closed with this.
     *
     * @param format to write
     */
    public static Passage over(SocketChannel channel, int format) {
        return new Passage(channel, format);
    }

    /**
     * A connection whose other end belongs to root or to this process's own user.
     *
     * @throws IOException when it does not; the channel is closed then
     */
    public static SocketChannel trusted(SocketChannel channel) throws IOException {
        String user =
                channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user().getName();
        String own = Files.getOwner(Path.of("/proc/self")).getName();
        if (!user.equals("root") && !user.equals("0") && !user.equals(own)) {
            channel.close();
            throw new IOException(
                    "user " + user + " is at the other end of a hand-over; only root and " + own + " may be there");
        }
        return channel;
    }

    /** The newest format that both sides know, 0 for none. */
    public static int commonFormat(int oldest, int newest) {
        int common = Math.min(newest, NEWEST_FORMAT);
        return common >= Math.max(oldest, OLDEST_FORMAT) ? common : 0;
    }

    /** Sends a part; the descriptors stay open here. */
    public void send(Part part, Duration limit) throws IOException {
        if (part.payload().size() > MAX_PAYLOAD_BYTES) {
            throw new IOException(part.kind() + " has " + part.payload().size() + " bytes, more than the limit of "
                    + MAX_PAYLOAD_BYTES);
        }
        if (part.descriptors().size() > DescriptorMessage.MAX_DESCRIPTORS) {
            throw new IOException(part.kind() + " has " + part.descriptors().size()
                    + " sockets, more than the limit of " + DescriptorMessage.MAX_DESCRIPTORS);
        }
        long deadline = System.nanoTime() + limit.toNanos();
        byte[] header = header(part);
        int[] descriptors =
                part.descriptors().stream().mapToInt(Integer::intValue).toArray();
        int sent = attempt(
                Constants.POLLOUT,
                deadline,
                () -> libc.sendmsg(
                        socket, header, Constants.MSG_NOSIGNAL | Constants.MSG_DONTWAIT, new byte[0], descriptors));
        sendAll(header, sent, deadline);
        for (int at = 0; at < part.payload().size(); at += PIECE_BYTES) {
            int end = Math.min(part.payload().size(), at + PIECE_BYTES);
            sendAll(part.payload().substring(at, end).toByteArray(), 0, deadline);
        }
    }

    private byte[] header(Part part) {
        ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES)
                .putInt(MAGIC)
                .putShort((short) format)
                .putShort((short) part.kind().number())
                .putInt(part.descriptors().size())
                .putInt(part.payload().size());
        return header.putInt(checkSum(header.array(), part.payload())).array();
    }

    private static int checkSum(byte[] header, ByteString payload) {
        CRC32C sum = new CRC32C();
        sum.update(header, 0, CRC_OFFSET);
        payload.asReadOnlyByteBufferList().forEach(sum::update);
        return (int) sum.getValue();
    }

    private void sendAll(byte[] bytes, int from, long deadline) throws IOException {
        int sent = from;
        while (sent < bytes.length) {
            byte[] rest = sent == 0 ? bytes : Arrays.copyOfRange(bytes, sent, bytes.length);
            sent += attempt(
                    Constants.POLLOUT,
                    deadline,
                    () -> libc.send(socket, rest, Constants.MSG_NOSIGNAL | Constants.MSG_DONTWAIT));
        }
    }

    /**
     * Waits for the next part.
     *
     * @throws EOFException when the other side is gone
     * @throws IOException when it is damaged, too late, or of a format that is not known; what came with it is closed
     */
    public Part receive(Duration limit) throws IOException {
        long deadline = System.nanoTime() + limit.toNanos();
        List<Integer> descriptors = new ArrayList<>();
        try {
            ByteBuffer header = ByteBuffer.wrap(take(HEADER_BYTES, deadline, descriptors));
            int length = header.getInt(12);
            if (header.getInt(0) != MAGIC || length < 0 || length > MAX_PAYLOAD_BYTES) {
                throw new IOException("what came is no part of a hand-over");
            }
            int came = header.getShort(4);
            if (came < OLDEST_FORMAT || came > NEWEST_FORMAT) {
                throw new IOException(
                        "the hand-over is in format " + came + ", known are " + OLDEST_FORMAT + " to " + NEWEST_FORMAT);
            }
            ByteString payload = ByteString.copyFrom(take(length, deadline, descriptors));
            if (checkSum(header.array(), payload) != header.getInt(CRC_OFFSET)) {
                throw new IOException("a part of the hand-over was damaged on the way");
            }
            if (descriptors.size() != header.getInt(8)) {
                throw new IOException("of " + header.getInt(8) + " sockets " + descriptors.size()
                        + " arrived; the limit of open files may be reached");
            }
            return new Part(kind(header.getShort(6)), payload, List.copyOf(descriptors));
        } catch (IOException | RuntimeException e) {
            close(descriptors);
            throw e;
        }
    }

    private static Kind kind(int number) throws IOException {
        for (Kind kind : Kind.values()) {
            if (kind.number() == number) {
                return kind;
            }
        }
        throw new IOException("a part of kind " + number + " is not known");
    }

    private byte[] take(int length, long deadline, List<Integer> descriptors) throws IOException {
        byte[] bytes = new byte[length];
        int taken = 0;
        while (taken < length) {
            int wanted = Math.min(PIECE_BYTES, length - taken);
            DescriptorMessage message =
                    attempt(Constants.POLLIN, deadline, () -> libc.recvmsg(socket, wanted, Constants.MSG_DONTWAIT));
            Arrays.stream(message.descriptors()).forEach(descriptors::add);
            if (message.truncated()) {
                throw new IOException("sockets were lost on the way; the limit of open files may be reached");
            }
            if (message.data().length == 0) {
                throw new EOFException("the other relay is gone");
            }
            System.arraycopy(message.data(), 0, bytes, taken, message.data().length);
            taken += message.data().length;
        }
        return bytes;
    }

    /** One call of the C library. */
    private interface Attempt<T> {
        T run() throws ErrnoException;
    }

    private <T> T attempt(int wanted, long deadline, Attempt<T> call) throws IOException {
        while (true) {
            try {
                return call.run();
            } catch (ErrnoException e) {
                if (!e.is(Errno.EAGAIN) && !e.is(Errno.EINTR)) {
                    throw e;
                }
            }
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new IOException("the other relay did not go on in time");
            }
            try {
                libc.poll(socket, wanted, (int) Math.min(Integer.MAX_VALUE, TimeUnit.NANOSECONDS.toMillis(left) + 1));
            } catch (ErrnoException e) {
                if (!e.is(Errno.EINTR)) {
                    throw e;
                }
            }
        }
    }

    /** Closes descriptors that nobody uses. */
    public static void close(List<Integer> descriptors) {
        for (int descriptor : descriptors) {
            try {
                Libc.system().close(descriptor);
            } catch (ErrnoException _) {
                // It is gone either way.
            }
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException _) {
            // The descriptor is gone either way.
        }
    }
}
