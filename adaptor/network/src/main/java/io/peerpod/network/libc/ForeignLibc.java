// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import static io.peerpod.network.libc.ForeignLibcCall.bytes;
import static io.peerpod.network.libc.ForeignLibcCall.call;
import static io.peerpod.network.libc.ForeignLibcCall.copyBack;
import static io.peerpod.network.libc.ForeignLibcCall.mustSucceed;
import static io.peerpod.network.libc.ForeignLibcCall.text;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * {@link Libc} by way of {@code java.lang.foreign}.
 */
final class ForeignLibc implements Libc {

    private static final class Holder {
        static final ForeignLibc INSTANCE = new ForeignLibc();
    }

    /** {@code sizeof(siginfo_t)}; then {@code si_code}, {@code si_pid} and {@code si_status} of a 64-bit kernel. */
    private static final int SIGINFO_BYTES = 128;

    private static final long SIGINFO_CODE = 8;
    private static final long SIGINFO_PID = 16;
    private static final long SIGINFO_STATUS = 24;

    private static final int TERMINAL_NAME_BYTES = 128;

    private final SystemCalls systemCalls = SystemCalls.of(System.getProperty("os.arch", ""));
    private final ForeignLibcFunction socket = new ForeignLibcFunction("socket");
    private final ForeignLibcFunction bind = new ForeignLibcFunction("bind");
    private final ForeignLibcFunction connect = new ForeignLibcFunction("connect");
    private final ForeignLibcFunction send = new ForeignLibcFunction("send");
    private final ForeignLibcFunction sendto = new ForeignLibcFunction("sendto");
    private final ForeignLibcFunction recv = new ForeignLibcFunction("recv");
    private final ForeignLibcFunction recvfrom = new ForeignLibcFunction("recvfrom");
    private final ForeignLibcFunction sendmsg = new ForeignLibcFunction("sendmsg");
    private final ForeignLibcFunction recvmsg = new ForeignLibcFunction("recvmsg");
    private final ForeignLibcFunction getsockopt = new ForeignLibcFunction("getsockopt");
    private final ForeignLibcFunction getpeername = new ForeignLibcFunction("getpeername");
    private final ForeignLibcFunction fcntl = new ForeignLibcFunction("fcntl");
    private final ForeignLibcFunction setsockopt = new ForeignLibcFunction("setsockopt");
    private final ForeignLibcFunction getsockname = new ForeignLibcFunction("getsockname");
    private final ForeignLibcFunction open = new ForeignLibcFunction("open");
    private final ForeignLibcFunction read = new ForeignLibcFunction("read");
    private final ForeignLibcFunction write = new ForeignLibcFunction("write");
    private final ForeignLibcFunction poll = new ForeignLibcFunction("poll");
    private final ForeignLibcFunction close = new ForeignLibcFunction("close");
    private final ForeignLibcFunction fsync = new ForeignLibcFunction("fsync");
    private final ForeignLibcFunction chown = new ForeignLibcFunction("chown");
    private final ForeignLibcFunction chmod = new ForeignLibcFunction("chmod");
    private final ForeignLibcFunction ioctl = new ForeignLibcFunction("ioctl");
    private final ForeignLibcFunction setns = new ForeignLibcFunction("setns");
    private final ForeignLibcFunction unshare = new ForeignLibcFunction("unshare");
    private final ForeignLibcFunction mount = new ForeignLibcFunction("mount");
    private final ForeignLibcFunction umount2 = new ForeignLibcFunction("umount2");
    private final ForeignLibcFunction sethostname = new ForeignLibcFunction("sethostname");
    private final ForeignLibcFunction setsid = new ForeignLibcFunction("setsid");
    private final ForeignLibcFunction kill = new ForeignLibcFunction("kill");
    private final ForeignLibcFunction prctl = new ForeignLibcFunction("prctl");
    private final ForeignLibcFunction waitid = new ForeignLibcFunction("waitid");
    private final ForeignLibcFunction getuid = new ForeignLibcFunction("getuid");
    private final ForeignLibcFunction geteuid = new ForeignLibcFunction("geteuid");
    private final ForeignLibcFunction getgid = new ForeignLibcFunction("getgid");
    private final ForeignLibcFunction getegid = new ForeignLibcFunction("getegid");
    private final ForeignLibcFunction systemCall = new ForeignLibcFunction("syscall");
    private final ForeignLibcFunction posixOpenpt = new ForeignLibcFunction("posix_openpt");
    private final ForeignLibcFunction grantpt = new ForeignLibcFunction("grantpt");
    private final ForeignLibcFunction unlockpt = new ForeignLibcFunction("unlockpt");
    private final ForeignLibcFunction ptsname = new ForeignLibcFunction("ptsname_r");

    static ForeignLibc instance() {
        return Holder.INSTANCE;
    }

    @Override
    public int socket(int domain, int type, int protocol) throws ErrnoException {
        return (int) call("open a socket of family " + domain, (_, s) -> socket.asInt(s, domain, type, protocol));
    }

    @Override
    public void bind(int fd, byte[] address) throws ErrnoException {
        call("bind a socket", (a, s) -> bind.asInt(s, fd, bytes(a, address).address(), address.length));
    }

    @Override
    public void connect(int fd, byte[] address) throws ErrnoException {
        call(
                "connect a socket",
                (a, s) -> connect.asInt(s, fd, bytes(a, address).address(), address.length));
    }

    @Override
    public int send(int fd, byte[] data, int flags) throws ErrnoException {
        return (int) call(
                "send on a socket", (a, s) -> send.asLong(s, fd, bytes(a, data).address(), data.length, flags));
    }

    @Override
    public int sendto(int fd, byte[] data, int flags, byte[] address) throws ErrnoException {
        return (int) call(
                "send on a socket",
                (a, s) -> sendto.asLong(
                        s,
                        fd,
                        bytes(a, data).address(),
                        data.length,
                        flags,
                        bytes(a, address).address(),
                        address.length));
    }

    @Override
    public int recv(int fd, byte[] buffer, int flags) throws ErrnoException {
        return (int) call("receive on a socket", (a, s) -> {
            MemorySegment segment = a.allocate(Math.max(1, buffer.length));
            long count = recv.asLong(s, fd, segment.address(), buffer.length, flags);
            copyBack(segment, buffer, Math.max(0, count));
            return count;
        });
    }

    @Override
    public int recvfrom(int fd, byte[] buffer, int flags, byte[] address) throws ErrnoException {
        return (int) call("receive on a socket", (a, s) -> {
            MemorySegment segment = a.allocate(Math.max(1, buffer.length));
            MemorySegment sender = bytes(a, address);
            MemorySegment size = a.allocateFrom(JAVA_INT, address.length);
            long count =
                    recvfrom.asLong(s, fd, segment.address(), buffer.length, flags, sender.address(), size.address());
            copyBack(segment, buffer, Math.max(0, count));
            copyBack(sender, address, size.get(JAVA_INT, 0));
            return count;
        });
    }

    @Override
    public int sendmsg(int fd, byte[] data, int flags, byte[] address, int... descriptors) throws ErrnoException {
        return (int) call("send " + descriptors.length + " descriptors on a socket", (a, s) -> {
            MemorySegment header = MessageHeader.allocate(
                    a,
                    address.length == 0 ? MemorySegment.NULL : bytes(a, address),
                    bytes(a, data).asSlice(0, data.length),
                    descriptors.length == 0
                            ? MemorySegment.NULL
                            : bytes(a, DescriptorMessage.control(ByteOrder.nativeOrder(), descriptors)));
            return sendmsg.asLong(s, fd, header.address(), flags);
        });
    }

    @Override
    public DescriptorMessage recvmsg(int fd, int maxBytes, int flags) throws ErrnoException {
        DescriptorMessage[] message = new DescriptorMessage[1];
        call("receive descriptors on a socket", (a, s) -> {
            MemorySegment data = a.allocate(Math.max(1, maxBytes));
            MemorySegment control = a.allocate(DescriptorMessage.CONTROL_BYTES, 8);
            MemorySegment header = MessageHeader.allocate(a, MemorySegment.NULL, data, control);
            long count = recvmsg.asLong(s, fd, header.address(), flags | Constants.MSG_CMSG_CLOEXEC);
            if (count >= 0) {
                byte[] came = new byte[(int) Math.min(count, maxBytes)];
                copyBack(data, came, came.length);
                byte[] rights = new byte[(int) MessageHeader.controlBytes(header)];
                copyBack(control, rights, rights.length);
                message[0] = DescriptorMessage.of(came, ByteOrder.nativeOrder(), rights, MessageHeader.flags(header));
            }
            return count;
        });
        return message[0];
    }

    @Override
    public int getsockopt(int fd, int level, int option) throws ErrnoException {
        int[] value = new int[1];
        call("ask for the socket option " + level + "/" + option, (a, s) -> {
            MemorySegment segment = a.allocate(JAVA_INT);
            MemorySegment size = a.allocateFrom(JAVA_INT, Integer.BYTES);
            int result = getsockopt.asInt(s, fd, level, option, segment.address(), size.address());
            value[0] = segment.get(JAVA_INT, 0);
            return result;
        });
        return value[0];
    }

    @Override
    public int getpeername(int fd, byte[] address) throws ErrnoException {
        int[] length = new int[1];
        call("ask for the address of a socket's peer", (a, s) -> {
            MemorySegment segment = bytes(a, address);
            MemorySegment size = a.allocateFrom(JAVA_INT, address.length);
            int result = getpeername.asInt(s, fd, segment.address(), size.address());
            length[0] = size.get(JAVA_INT, 0);
            copyBack(segment, address, length[0]);
            return result;
        });
        return length[0];
    }

    @Override
    public int fcntl(int fd, int command, long argument) throws ErrnoException {
        return (int) call("fcntl " + command, (_, s) -> fcntl.asInt(s, fd, command, argument));
    }

    @Override
    public void setsockopt(int fd, int level, int option, byte[] value) throws ErrnoException {
        call(
                "set the socket option " + level + "/" + option,
                (a, s) -> setsockopt.asInt(s, fd, level, option, bytes(a, value).address(), value.length));
    }

    @Override
    public void setsockopt(int fd, int level, int option, int value) throws ErrnoException {
        call(
                "set the socket option " + level + "/" + option,
                (a, s) -> setsockopt.asInt(
                        s, fd, level, option, a.allocateFrom(JAVA_INT, value).address(), 4));
    }

    @Override
    public void getsockname(int fd, byte[] address) throws ErrnoException {
        call("ask for a socket's address", (a, s) -> {
            MemorySegment segment = bytes(a, address);
            MemorySegment size = a.allocateFrom(JAVA_INT, address.length);
            int result = getsockname.asInt(s, fd, segment.address(), size.address());
            copyBack(segment, address, size.get(JAVA_INT, 0));
            return result;
        });
    }

    @Override
    public int open(String path, int flags, int mode) throws ErrnoException {
        return (int) call("open " + path, (a, s) -> open.asInt(s, text(a, path).address(), flags, mode));
    }

    @Override
    public int read(int fd, byte[] buffer, int offset, int length) throws ErrnoException {
        return (int) call("read", (a, s) -> {
            MemorySegment segment = a.allocate(Math.max(1, length));
            long count = read.asLong(s, fd, segment.address(), length);
            MemorySegment.copy(segment, JAVA_BYTE, 0, buffer, offset, (int) Math.max(0, count));
            return count;
        });
    }

    @Override
    public int write(int fd, byte[] data, int offset, int length) throws ErrnoException {
        return (int) call("write", (a, s) -> {
            MemorySegment segment = a.allocate(Math.max(1, length));
            MemorySegment.copy(data, offset, segment, JAVA_BYTE, 0, length);
            return write.asLong(s, fd, segment.address(), length);
        });
    }

    @Override
    public int poll(int fd, int events, int timeoutMillis) throws ErrnoException {
        return (int) call("poll", (a, s) -> {
            MemorySegment pollfd = a.allocate(8, 4);
            pollfd.set(JAVA_INT, 0, fd);
            pollfd.set(JAVA_SHORT, 4, (short) events);
            int ready = poll.asInt(s, pollfd.address(), 1L, timeoutMillis);
            return ready <= 0 ? ready : Short.toUnsignedInt(pollfd.get(JAVA_SHORT, 6));
        });
    }

    @Override
    public void close(int fd) throws ErrnoException {
        call("close a descriptor", (_, s) -> close.asInt(s, fd));
    }

    @Override
    public void fsync(int fd) throws ErrnoException {
        call("flush a descriptor", (_, s) -> fsync.asInt(s, fd));
    }

    @Override
    public void chown(String path, int user, int group) throws ErrnoException {
        call(
                "change the owner of " + path,
                (a, s) -> chown.asInt(s, text(a, path).address(), user, group));
    }

    @Override
    public void chmod(String path, int mode) throws ErrnoException {
        call(
                "change the mode of " + path,
                (a, s) -> chmod.asInt(s, text(a, path).address(), mode));
    }

    @Override
    public int ioctl(int fd, long request, long argument) throws ErrnoException {
        return (int) call("ioctl 0x" + Long.toHexString(request), (_, s) -> ioctl.asInt(s, fd, request, argument));
    }

    @Override
    public int ioctl(int fd, long request, byte[] structure) throws ErrnoException {
        return (int) call("ioctl 0x" + Long.toHexString(request), (a, s) -> {
            MemorySegment segment = bytes(a, structure);
            int result = ioctl.asInt(s, fd, request, segment.address());
            copyBack(segment, structure, structure.length);
            return result;
        });
    }

    @Override
    public void setns(int fd, int namespaceType) throws ErrnoException {
        call("enter a namespace", (_, s) -> setns.asInt(s, fd, namespaceType));
    }

    @Override
    public void unshare(int flags) throws ErrnoException {
        call("unshare namespaces 0x" + Integer.toHexString(flags), (_, s) -> unshare.asInt(s, flags));
    }

    @Override
    public void mount(
            @Nullable String source, String target, @Nullable String fileSystem, long flags, @Nullable String data)
            throws ErrnoException {
        call(
                "mount " + (source == null ? "" : source + " ") + "on " + target,
                (a, s) -> mount.asInt(
                        s,
                        text(a, source).address(),
                        text(a, target).address(),
                        text(a, fileSystem).address(),
                        flags,
                        text(a, data).address()));
    }

    @Override
    public void umount2(String target, int flags) throws ErrnoException {
        call("unmount " + target, (a, s) -> umount2.asInt(s, text(a, target).address(), flags));
    }

    @Override
    public void sethostname(String name) throws ErrnoException {
        call("set the host name", (a, s) -> {
            MemorySegment text = text(a, name);
            return sethostname.asInt(s, text.address(), text.byteSize() - 1);
        });
    }

    @Override
    public int setsid() throws ErrnoException {
        return (int) call("start a session", (_, s) -> setsid.asInt(s));
    }

    @Override
    public void kill(int pid, int signal) throws ErrnoException {
        call("send signal " + signal + " to " + pid, (_, s) -> kill.asInt(s, pid, signal));
    }

    @Override
    public int prctl(int option, long second, long third, long fourth, long fifth) throws ErrnoException {
        return (int) call("prctl " + option, (_, s) -> prctl.asInt(s, option, second, third, fourth, fifth));
    }

    @Override
    public Optional<ChildStatus> waitid(int idType, int id, int options) throws ErrnoException {
        int[] seen = new int[3];
        call("wait for a child", (a, s) -> {
            MemorySegment info = a.allocate(SIGINFO_BYTES, 8);
            int result = waitid.asInt(s, idType, id, info.address(), options);
            seen[0] = info.get(JAVA_INT, SIGINFO_PID);
            seen[1] = info.get(JAVA_INT, SIGINFO_CODE);
            seen[2] = info.get(JAVA_INT, SIGINFO_STATUS);
            return result;
        });
        return seen[0] == 0 ? Optional.empty() : Optional.of(new ChildStatus(seen[0], seen[1], seen[2]));
    }

    @Override
    public int pidfdOpen(int pid, int flags) throws ErrnoException {
        return (int) call(
                "open a descriptor of process " + pid,
                (_, s) -> systemCall.asLong(s, systemCalls.pidfdOpen(), pid, flags, 0L));
    }

    @Override
    public void pidfdSendSignal(int pidfd, int signal) throws ErrnoException {
        call(
                "send signal " + signal + " to a process descriptor",
                (_, s) -> systemCall.asLong(s, systemCalls.pidfdSendSignal(), pidfd, signal, 0L, 0L));
    }

    @Override
    public int gettid() throws ErrnoException {
        return (int) call("ask for the thread's id", (_, s) -> systemCall.asLong(s, systemCalls.gettid(), 0L, 0L, 0L));
    }

    @Override
    public int getuid() {
        return (int) mustSucceed((_, s) -> Integer.toUnsignedLong(getuid.asInt(s)));
    }

    @Override
    public int geteuid() {
        return (int) mustSucceed((_, s) -> Integer.toUnsignedLong(geteuid.asInt(s)));
    }

    @Override
    public int getgid() {
        return (int) mustSucceed((_, s) -> Integer.toUnsignedLong(getgid.asInt(s)));
    }

    @Override
    public int getegid() {
        return (int) mustSucceed((_, s) -> Integer.toUnsignedLong(getegid.asInt(s)));
    }

    @Override
    public void setgroups(int... groups) throws ErrnoException {
        call("set the supplementary groups of this thread", (a, s) -> {
            MemorySegment list = groups.length == 0 ? MemorySegment.NULL : a.allocateFrom(JAVA_INT, groups);
            return systemCall.asLong(s, systemCalls.setgroups(), groups.length, list.address());
        });
    }

    @Override
    public void setresgid(int real, int effective, int saved) throws ErrnoException {
        call(
                "set the groups of this thread to " + real,
                (_, s) -> systemCall.asLong(s, systemCalls.setresgid(), real, effective, saved));
    }

    @Override
    public void setresuid(int real, int effective, int saved) throws ErrnoException {
        call(
                "set the users of this thread to " + real,
                (_, s) -> systemCall.asLong(s, systemCalls.setresuid(), real, effective, saved));
    }

    @Override
    public int posixOpenpt(int flags) throws ErrnoException {
        return (int) call("open a pseudo-terminal", (_, s) -> posixOpenpt.asInt(s, flags));
    }

    @Override
    public void grantpt(int master) throws ErrnoException {
        call("grant a pseudo-terminal", (_, s) -> grantpt.asInt(s, master));
    }

    @Override
    public void unlockpt(int master) throws ErrnoException {
        call("unlock a pseudo-terminal", (_, s) -> unlockpt.asInt(s, master));
    }

    @Override
    public String ptsname(int master) throws ErrnoException {
        String[] name = new String[1];
        long error = call("ask for a pseudo-terminal's name", (a, s) -> {
            MemorySegment buffer = a.allocate(TERMINAL_NAME_BYTES);
            int result = ptsname.asInt(s, master, buffer.address(), TERMINAL_NAME_BYTES);
            name[0] = buffer.getString(0);
            return result;
        });
        if (error != 0) {
            throw new ErrnoException("ask for a pseudo-terminal's name", (int) error);
        }
        return name[0];
    }
}
