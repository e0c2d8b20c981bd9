// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The C library's functions that the JDK does not offer, one method each; section 2 or 3 of the Linux manual
 * (<a href="https://man7.org/linux/man-pages/dir_section_2.html">man7.org</a>) says what they do. Paths are passed as UTF-8.
 *
 * <p>Every method may throw {@link ErrnoException}. Calls that change the calling thread ({@code setns}, {@code unshare},
 * {@code setgroups}, {@code setresgid}, {@code setresuid}) belong on a fresh platform thread that ends afterwards: on a virtual
 * thread they would change its carrier, and with it unrelated virtual threads. A call that blocks pins its carrier as well.
 */
public interface Libc {

    /** The C library of this process. */
    static Libc system() {
        return ForeignLibc.instance();
    }

    // Sockets. An address is the bytes of a struct sockaddr_*, as SocketAddresses builds them.

    /** socket(2). */
    int socket(int domain, int type, int protocol) throws ErrnoException;

    /** bind(2). */
    void bind(int socket, byte[] address) throws ErrnoException;

    /** connect(2). */
    void connect(int socket, byte[] address) throws ErrnoException;

    /** send(2); returns the number of bytes taken. */
    int send(int socket, byte[] data, int flags) throws ErrnoException;

    /** sendto(2); returns the number of bytes taken. */
    int sendto(int socket, byte[] data, int flags, byte[] address) throws ErrnoException;

    /** recv(2); returns the number of bytes, with {@code MSG_TRUNC} the whole message's size even if the buffer is smaller. */
    int recv(int socket, byte[] buffer, int flags) throws ErrnoException;

    /** recvfrom(2); the sender's address overwrites {@code address} from its start, what does not fit is cut. */
    int recvfrom(int socket, byte[] buffer, int flags, byte[] address) throws ErrnoException;

    /**
     * sendmsg(2) with descriptors as SCM_RIGHTS; returns the number of bytes taken. On a stream, data must hold at least one byte.
     *
     * @param address of the receiver, empty for a connected socket
     * @param descriptors at most {@link DescriptorMessage#MAX_DESCRIPTORS}; they stay open here
     */
    int sendmsg(int socket, byte[] data, int flags, byte[] address, int... descriptors) throws ErrnoException;

    /**
     * recvmsg(2) with room for as many descriptors as one message can carry. {@code MSG_CMSG_CLOEXEC} is always set. What came is the
     * caller's to close, also when the message is of no use.
     */
    DescriptorMessage recvmsg(int socket, int maxBytes, int flags) throws ErrnoException;

    /** getsockopt(2) of an {@code int}. */
    int getsockopt(int socket, int level, int option) throws ErrnoException;

    /** getpeername(2); the peer's address overwrites {@code address} from its start. Returns its full length. */
    int getpeername(int socket, byte[] address) throws ErrnoException;

    /** fcntl(2) whose argument is a number. */
    int fcntl(int fd, int command, long argument) throws ErrnoException;

    /** setsockopt(2). */
    void setsockopt(int socket, int level, int option, byte[] value) throws ErrnoException;

    /** setsockopt(2) with an {@code int}. */
    void setsockopt(int socket, int level, int option, int value) throws ErrnoException;

    /** getsockname(2); the socket's own address overwrites {@code address} from its start. */
    void getsockname(int socket, byte[] address) throws ErrnoException;

    // Files.

    /** open(2); {@code mode} counts only with {@code O_CREAT}. */
    int open(String path, int flags, int mode) throws ErrnoException;

    /** read(2) into a part of the array; 0 is the end. */
    int read(int fd, byte[] buffer, int offset, int length) throws ErrnoException;

    /** write(2) of a part of the array; returns the number of bytes taken. */
    int write(int fd, byte[] data, int offset, int length) throws ErrnoException;

    /** poll(2) of one descriptor; returns what is ready ({@code POLL*}), 0 after the timeout (milliseconds, negative for none). */
    int poll(int fd, int events, int timeoutMillis) throws ErrnoException;

    /** close(2). */
    void close(int fd) throws ErrnoException;

    /** fsync(2). */
    void fsync(int fd) throws ErrnoException;

    /** chown(2); -1 leaves that id as it is. */
    void chown(String path, int user, int group) throws ErrnoException;

    /** chmod(2). */
    void chmod(String path, int mode) throws ErrnoException;

    /** ioctl(2) whose argument is a number. */
    int ioctl(int fd, long request, long argument) throws ErrnoException;

    /** ioctl(2) whose argument is a structure, written back into the array. */
    int ioctl(int fd, long request, byte[] structure) throws ErrnoException;

    // Namespaces and mounts.

    /** setns(2), of the calling thread. */
    void setns(int fd, int namespaceType) throws ErrnoException;

    /** unshare(2), of the calling thread. */
    void unshare(int flags) throws ErrnoException;

    /** mount(2). */
    void mount(@Nullable String source, String target, @Nullable String fileSystem, long flags, @Nullable String data)
            throws ErrnoException;

    /** umount2(2). */
    void umount2(String target, int flags) throws ErrnoException;

    /** sethostname(2). */
    void sethostname(String name) throws ErrnoException;

    // Processes and identities.

    /** setsid(2); returns the new session's id. */
    int setsid() throws ErrnoException;

    /** kill(2); a negative pid means a process group. */
    void kill(int pid, int signal) throws ErrnoException;

    /** prctl(2). */
    int prctl(int option, long second, long third, long fourth, long fifth) throws ErrnoException;

    /** waitid(2); empty if {@code WNOHANG} was given and no child changed state. */
    Optional<ChildStatus> waitid(int idType, int id, int options) throws ErrnoException;

    /** pidfd_open(2). */
    int pidfdOpen(int pid, int flags) throws ErrnoException;

    /** pidfd_send_signal(2) without a siginfo. */
    void pidfdSendSignal(int pidfd, int signal) throws ErrnoException;

    /** gettid(2). */
    int gettid() throws ErrnoException;

    /** getuid(2). */
    int getuid();

    /** geteuid(2). */
    int geteuid();

    /** getgid(2). */
    int getgid();

    /** getegid(2). */
    int getegid();

    /** The setgroups(2) system call itself: of the calling thread only, unlike the C library's function. */
    void setgroups(int... groups) throws ErrnoException;

    /** The setresgid(2) system call itself: of the calling thread only. */
    void setresgid(int real, int effective, int saved) throws ErrnoException;

    /** The setresuid(2) system call itself: of the calling thread only. */
    void setresuid(int real, int effective, int saved) throws ErrnoException;

    // Pseudo-terminals.

    /** posix_openpt(3). */
    int posixOpenpt(int flags) throws ErrnoException;

    /** grantpt(3). */
    void grantpt(int master) throws ErrnoException;

    /** unlockpt(3). */
    void unlockpt(int master) throws ErrnoException;

    /** ptsname_r(3): the path of the other end. */
    String ptsname(int master) throws ErrnoException;
}
