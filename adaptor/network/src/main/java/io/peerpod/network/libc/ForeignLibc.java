// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * {@link Libc} by way of {@code java.lang.foreign}. Each call captures errno in an arena of its own: in a shared one it could be
 * another thread's. The only class that needs {@code --enable-native-access}.
 */
final class ForeignLibc implements Libc {

    private static final class Holder {
        static final ForeignLibc INSTANCE = new ForeignLibc();
    }

    /** An {@code int} on the C side. */
    private static final MemoryLayout INT = JAVA_INT;

    /** A {@code long}, {@code size_t} or {@code ssize_t} on the C side; eight bytes on every 64-bit Linux. */
    private static final MemoryLayout LONG = JAVA_LONG;

    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    /** {@code sizeof(siginfo_t)}; then {@code si_code}, {@code si_pid} and {@code si_status} of a 64-bit kernel. */
    private static final int SIGINFO_BYTES = 128;

    private static final long SIGINFO_CODE = 8;
    private static final long SIGINFO_PID = 16;
    private static final long SIGINFO_STATUS = 24;

    private static final int TERMINAL_NAME_BYTES = 128;

    private final SystemCalls systemCalls = SystemCalls.of(System.getProperty("os.arch", ""));
    private final MethodHandle socket = function("socket", INT, INT, INT, INT);
    private final MethodHandle bind = function("bind", INT, INT, ADDRESS, INT);
    private final MethodHandle connect = function("connect", INT, INT, ADDRESS, INT);
    private final MethodHandle send = function("send", LONG, INT, ADDRESS, LONG, INT);
    private final MethodHandle sendto = function("sendto", LONG, INT, ADDRESS, LONG, INT, ADDRESS, INT);
    private final MethodHandle recv = function("recv", LONG, INT, ADDRESS, LONG, INT);
    private final MethodHandle recvfrom = function("recvfrom", LONG, INT, ADDRESS, LONG, INT, ADDRESS, ADDRESS);
    private final MethodHandle setsockopt = function("setsockopt", INT, INT, INT, INT, ADDRESS, INT);
    private final MethodHandle getsockname = function("getsockname", INT, INT, ADDRESS, ADDRESS);
    private final MethodHandle open = variadic(2, "open", INT, ADDRESS, INT, INT);
    private final MethodHandle read = function("read", LONG, INT, ADDRESS, LONG);
    private final MethodHandle write = function("write", LONG, INT, ADDRESS, LONG);
    private final MethodHandle poll = function("poll", INT, ADDRESS, LONG, INT);
    private final MethodHandle close = function("close", INT, INT);
    private final MethodHandle fsync = function("fsync", INT, INT);
    private final MethodHandle chown = function("chown", INT, ADDRESS, INT, INT);
    private final MethodHandle chmod = function("chmod", INT, ADDRESS, INT);
    private final MethodHandle ioctlNumber = variadic(2, "ioctl", INT, INT, LONG, LONG);
    private final MethodHandle ioctlPointer = variadic(2, "ioctl", INT, INT, LONG, ADDRESS);
    private final MethodHandle setns = function("setns", INT, INT, INT);
    private final MethodHandle unshare = function("unshare", INT, INT);
    private final MethodHandle mount = function("mount", INT, ADDRESS, ADDRESS, ADDRESS, LONG, ADDRESS);
    private final MethodHandle umount2 = function("umount2", INT, ADDRESS, INT);
    private final MethodHandle sethostname = function("sethostname", INT, ADDRESS, LONG);
    private final MethodHandle setsid = function("setsid", INT);
    private final MethodHandle kill = function("kill", INT, INT, INT);
    private final MethodHandle prctl = variadic(1, "prctl", INT, INT, LONG, LONG, LONG, LONG);
    private final MethodHandle waitid = function("waitid", INT, INT, INT, ADDRESS, INT);
    private final MethodHandle getuid = function("getuid", INT);
    private final MethodHandle geteuid = function("geteuid", INT);
    private final MethodHandle getgid = function("getgid", INT);
    private final MethodHandle getegid = function("getegid", INT);
    private final MethodHandle systemCall3 = variadic(1, "syscall", LONG, LONG, LONG, LONG, LONG);
    private final MethodHandle systemCall4 = variadic(1, "syscall", LONG, LONG, LONG, LONG, LONG, LONG);
    private final MethodHandle systemCallPointer = variadic(1, "syscall", LONG, LONG, LONG, ADDRESS);
    private final MethodHandle posixOpenpt = function("posix_openpt", INT, INT);
    private final MethodHandle grantpt = function("grantpt", INT, INT);
    private final MethodHandle unlockpt = function("unlockpt", INT, INT);
    private final MethodHandle ptsname = function("ptsname_r", INT, INT, ADDRESS, LONG);

    static ForeignLibc instance() {
        return Holder.INSTANCE;
    }

    private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... arguments) {
        return link(name, result, arguments, Linker.Option.captureCallState("errno"));
    }

    private static MethodHandle variadic(int fixed, String name, MemoryLayout result, MemoryLayout... arguments) {
        return link(
                name,
                result,
                arguments,
                Linker.Option.captureCallState("errno"),
                Linker.Option.firstVariadicArg(fixed));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link(
            String name, MemoryLayout result, MemoryLayout[] arguments, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        MemorySegment address = linker.defaultLookup()
                .find(name)
                .orElseThrow(() -> new UnsupportedOperationException("The C library has no function " + name + "."));
        return linker.downcallHandle(address, FunctionDescriptor.of(result, arguments), options);
    }

    /** The native call itself: a method handle with the memory in which it leaves errno. */
    private interface Call {
        long invoke(Arena arena, MemorySegment state) throws Throwable;
    }

    private static long call(String action, Call call) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            long result = call.invoke(arena, state);
            if (result == -1) {
                throw new ErrnoException(action, (int) ERRNO.get(state, 0L));
            }
            return result;
        } catch (ErrnoException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static long mustSucceed(Call call) {
        try {
            return call("an identity", call);
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        }
    }

    private static MemorySegment bytes(Arena arena, byte[] bytes) {
        MemorySegment segment = arena.allocate(Math.max(1, bytes.length), 8);
        MemorySegment.copy(bytes, 0, segment, JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    private static void copyBack(MemorySegment segment, byte[] bytes, long length) {
        MemorySegment.copy(segment, JAVA_BYTE, 0, bytes, 0, (int) Math.min(bytes.length, length));
    }

    private static MemorySegment text(Arena arena, @Nullable String text) {
        return text == null ? MemorySegment.NULL : arena.allocateFrom(text);
    }

    @Override
    public int socket(int domain, int type, int protocol) throws ErrnoException {
        return (int) call(
                "open a socket of family " + domain, (_, s) -> (int) socket.invokeExact(s, domain, type, protocol));
    }

    @Override
    public void bind(int fd, byte[] address) throws ErrnoException {
        call("bind a socket", (a, s) -> (int) bind.invokeExact(s, fd, bytes(a, address), address.length));
    }

    @Override
    public void connect(int fd, byte[] address) throws ErrnoException {
        call("connect a socket", (a, s) -> (int) connect.invokeExact(s, fd, bytes(a, address), address.length));
    }

    @Override
    public int send(int fd, byte[] data, int flags) throws ErrnoException {
        return (int) call("send on a socket", (a, s) ->
                (long) send.invokeExact(s, fd, bytes(a, data), (long) data.length, flags));
    }

    @Override
    public int sendto(int fd, byte[] data, int flags, byte[] address) throws ErrnoException {
        return (int) call("send on a socket", (a, s) -> (long) sendto.invokeExact(
                s, fd, bytes(a, data), (long) data.length, flags, bytes(a, address), address.length));
    }

    @Override
    public int recv(int fd, byte[] buffer, int flags) throws ErrnoException {
        return (int) call("receive on a socket", (a, s) -> {
            MemorySegment segment = a.allocate(Math.max(1, buffer.length));
            long count = (long) recv.invokeExact(s, fd, segment, (long) buffer.length, flags);
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
            long count = (long) recvfrom.invokeExact(s, fd, segment, (long) buffer.length, flags, sender, size);
            copyBack(segment, buffer, Math.max(0, count));
            copyBack(sender, address, size.get(JAVA_INT, 0));
            return count;
        });
    }

    @Override
    public void setsockopt(int fd, int level, int option, byte[] value) throws ErrnoException {
        call("set the socket option " + level + "/" + option, (a, s) ->
                (int) setsockopt.invokeExact(s, fd, level, option, bytes(a, value), value.length));
    }

    @Override
    public void setsockopt(int fd, int level, int option, int value) throws ErrnoException {
        call("set the socket option " + level + "/" + option, (a, s) ->
                (int) setsockopt.invokeExact(s, fd, level, option, a.allocateFrom(JAVA_INT, value), 4));
    }

    @Override
    public void getsockname(int fd, byte[] address) throws ErrnoException {
        call("ask for a socket's address", (a, s) -> {
            MemorySegment segment = bytes(a, address);
            MemorySegment size = a.allocateFrom(JAVA_INT, address.length);
            int result = (int) getsockname.invokeExact(s, fd, segment, size);
            copyBack(segment, address, size.get(JAVA_INT, 0));
            return result;
        });
    }

    @Override
    public int open(String path, int flags, int mode) throws ErrnoException {
        return (int) call("open " + path, (a, s) -> (int) open.invokeExact(s, text(a, path), flags, mode));
    }

    @Override
    public int read(int fd, byte[] buffer, int offset, int length) throws ErrnoException {
        return (int) call("read", (a, s) -> {
            MemorySegment segment = a.allocate(Math.max(1, length));
            long count = (long) read.invokeExact(s, fd, segment, (long) length);
            MemorySegment.copy(segment, JAVA_BYTE, 0, buffer, offset, (int) Math.max(0, count));
            return count;
        });
    }

    @Override
    public int write(int fd, byte[] data, int offset, int length) throws ErrnoException {
        return (int) call("write", (a, s) -> {
            MemorySegment segment = a.allocate(Math.max(1, length));
            MemorySegment.copy(data, offset, segment, JAVA_BYTE, 0, length);
            return (long) write.invokeExact(s, fd, segment, (long) length);
        });
    }

    @Override
    public int poll(int fd, int events, int timeoutMillis) throws ErrnoException {
        return (int) call("poll", (a, s) -> {
            MemorySegment pollfd = a.allocate(8, 4);
            pollfd.set(JAVA_INT, 0, fd);
            pollfd.set(JAVA_SHORT, 4, (short) events);
            int ready = (int) poll.invokeExact(s, pollfd, 1L, timeoutMillis);
            return ready <= 0 ? ready : Short.toUnsignedInt(pollfd.get(JAVA_SHORT, 6));
        });
    }

    @Override
    public void close(int fd) throws ErrnoException {
        call("close a descriptor", (_, s) -> (int) close.invokeExact(s, fd));
    }

    @Override
    public void fsync(int fd) throws ErrnoException {
        call("flush a descriptor", (_, s) -> (int) fsync.invokeExact(s, fd));
    }

    @Override
    public void chown(String path, int user, int group) throws ErrnoException {
        call("change the owner of " + path, (a, s) -> (int) chown.invokeExact(s, text(a, path), user, group));
    }

    @Override
    public void chmod(String path, int mode) throws ErrnoException {
        call("change the mode of " + path, (a, s) -> (int) chmod.invokeExact(s, text(a, path), mode));
    }

    @Override
    public int ioctl(int fd, long request, long argument) throws ErrnoException {
        return (int) call("ioctl 0x" + Long.toHexString(request), (_, s) ->
                (int) ioctlNumber.invokeExact(s, fd, request, argument));
    }

    @Override
    public int ioctl(int fd, long request, byte[] structure) throws ErrnoException {
        return (int) call("ioctl 0x" + Long.toHexString(request), (a, s) -> {
            MemorySegment segment = bytes(a, structure);
            int result = (int) ioctlPointer.invokeExact(s, fd, request, segment);
            copyBack(segment, structure, structure.length);
            return result;
        });
    }

    @Override
    public void setns(int fd, int namespaceType) throws ErrnoException {
        call("enter a namespace", (_, s) -> (int) setns.invokeExact(s, fd, namespaceType));
    }

    @Override
    public void unshare(int flags) throws ErrnoException {
        call("unshare namespaces 0x" + Integer.toHexString(flags), (_, s) -> (int) unshare.invokeExact(s, flags));
    }

    @Override
    public void mount(
            @Nullable String source, String target, @Nullable String fileSystem, long flags, @Nullable String data)
            throws ErrnoException {
        call("mount " + (source == null ? "" : source + " ") + "on " + target, (a, s) -> (int)
                mount.invokeExact(s, text(a, source), text(a, target), text(a, fileSystem), flags, text(a, data)));
    }

    @Override
    public void umount2(String target, int flags) throws ErrnoException {
        call("unmount " + target, (a, s) -> (int) umount2.invokeExact(s, text(a, target), flags));
    }

    @Override
    public void sethostname(String name) throws ErrnoException {
        call("set the host name", (a, s) -> {
            MemorySegment text = text(a, name);
            return (int) sethostname.invokeExact(s, text, text.byteSize() - 1);
        });
    }

    @Override
    public int setsid() throws ErrnoException {
        return (int) call("start a session", (_, s) -> (int) setsid.invokeExact(s));
    }

    @Override
    public void kill(int pid, int signal) throws ErrnoException {
        call("send signal " + signal + " to " + pid, (_, s) -> (int) kill.invokeExact(s, pid, signal));
    }

    @Override
    public int prctl(int option, long second, long third, long fourth, long fifth) throws ErrnoException {
        return (int)
                call("prctl " + option, (_, s) -> (int) prctl.invokeExact(s, option, second, third, fourth, fifth));
    }

    @Override
    public Optional<ChildStatus> waitid(int idType, int id, int options) throws ErrnoException {
        int[] seen = new int[3];
        call("wait for a child", (a, s) -> {
            MemorySegment info = a.allocate(SIGINFO_BYTES, 8);
            int result = (int) waitid.invokeExact(s, idType, id, info, options);
            seen[0] = info.get(JAVA_INT, SIGINFO_PID);
            seen[1] = info.get(JAVA_INT, SIGINFO_CODE);
            seen[2] = info.get(JAVA_INT, SIGINFO_STATUS);
            return result;
        });
        return seen[0] == 0 ? Optional.empty() : Optional.of(new ChildStatus(seen[0], seen[1], seen[2]));
    }

    @Override
    public int pidfdOpen(int pid, int flags) throws ErrnoException {
        return (int) call("open a descriptor of process " + pid, (_, s) ->
                (long) systemCall3.invokeExact(s, systemCalls.pidfdOpen(), (long) pid, (long) flags, 0L));
    }

    @Override
    public void pidfdSendSignal(int pidfd, int signal) throws ErrnoException {
        call("send signal " + signal + " to a process descriptor", (_, s) ->
                (long) systemCall4.invokeExact(s, systemCalls.pidfdSendSignal(), (long) pidfd, (long) signal, 0L, 0L));
    }

    @Override
    public int gettid() throws ErrnoException {
        return (int) call("ask for the thread's id", (_, s) ->
                (long) systemCall3.invokeExact(s, systemCalls.gettid(), 0L, 0L, 0L));
    }

    @Override
    public int getuid() {
        return (int) mustSucceed((_, s) -> Integer.toUnsignedLong((int) getuid.invokeExact(s)));
    }

    @Override
    public int geteuid() {
        return (int) mustSucceed((_, s) -> Integer.toUnsignedLong((int) geteuid.invokeExact(s)));
    }

    @Override
    public int getgid() {
        return (int) mustSucceed((_, s) -> Integer.toUnsignedLong((int) getgid.invokeExact(s)));
    }

    @Override
    public int getegid() {
        return (int) mustSucceed((_, s) -> Integer.toUnsignedLong((int) getegid.invokeExact(s)));
    }

    @Override
    public void setgroups(int... groups) throws ErrnoException {
        call("set the supplementary groups of this thread", (a, s) -> {
            MemorySegment list = groups.length == 0 ? MemorySegment.NULL : a.allocateFrom(JAVA_INT, groups);
            return (long) systemCallPointer.invokeExact(s, systemCalls.setgroups(), (long) groups.length, list);
        });
    }

    @Override
    public void setresgid(int real, int effective, int saved) throws ErrnoException {
        call("set the groups of this thread to " + real, (_, s) -> (long)
                systemCall3.invokeExact(s, systemCalls.setresgid(), (long) real, (long) effective, (long) saved));
    }

    @Override
    public void setresuid(int real, int effective, int saved) throws ErrnoException {
        call("set the users of this thread to " + real, (_, s) -> (long)
                systemCall3.invokeExact(s, systemCalls.setresuid(), (long) real, (long) effective, (long) saved));
    }

    @Override
    public int posixOpenpt(int flags) throws ErrnoException {
        return (int) call("open a pseudo-terminal", (_, s) -> (int) posixOpenpt.invokeExact(s, flags));
    }

    @Override
    public void grantpt(int master) throws ErrnoException {
        call("grant a pseudo-terminal", (_, s) -> (int) grantpt.invokeExact(s, master));
    }

    @Override
    public void unlockpt(int master) throws ErrnoException {
        call("unlock a pseudo-terminal", (_, s) -> (int) unlockpt.invokeExact(s, master));
    }

    @Override
    public String ptsname(int master) throws ErrnoException {
        String[] name = new String[1];
        long error = call("ask for a pseudo-terminal's name", (a, s) -> {
            MemorySegment buffer = a.allocate(TERMINAL_NAME_BYTES);
            int result = (int) ptsname.invokeExact(s, master, buffer, (long) TERMINAL_NAME_BYTES);
            name[0] = buffer.getString(0);
            return result;
        });
        if (error != 0) {
            throw new ErrnoException("ask for a pseudo-terminal's name", (int) error);
        }
        return name[0];
    }
}
