// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ForeignLibcIT {
    private final Libc libc = Libc.system();

    @Test
    void anErrorCarriesTheNumberAndTheNameOfItsOwnCall() {
        assertThatThrownBy(() -> libc.socket(999, Constants.SOCK_DGRAM, 0))
                .isInstanceOfSatisfying(
                        ErrnoException.class,
                        e -> assertThat(e.is(Errno.EAFNOSUPPORT)).isTrue())
                .hasMessageContaining("EAFNOSUPPORT");
        assertThatThrownBy(() -> libc.close(-1)).hasMessageContaining("EBADF");
    }

    @Test
    void aFileIsOpenedWrittenAndRead(@TempDir Path folder) throws Exception {
        String path = folder.resolve("file").toString();
        int fd = libc.open(path, Constants.O_CREAT | Constants.O_RDWR | Constants.O_CLOEXEC, 0600);
        assertThat(libc.write(fd, "abcdef".getBytes(UTF_8), 1, 4)).isEqualTo(4);
        libc.fsync(fd);
        libc.close(fd);
        assertThat(Files.readString(Path.of(path))).isEqualTo("bcde");
        libc.chmod(path, 0640);
        assertThat(Files.getAttribute(Path.of(path), "unix:mode")).isEqualTo(0100640);
        libc.chown(path, -1, -1);
    }

    @Test
    void datagramsReachAPathAndAnAbstractName(@TempDir Path folder) throws Exception {
        for (String name : new String[] {folder.resolve("s").toString(), "@peerpod-test-" + System.nanoTime()}) {
            int fd = libc.socket(Constants.AF_UNIX, Constants.SOCK_DGRAM | Constants.SOCK_CLOEXEC, 0);
            try {
                libc.bind(fd, SocketAddresses.unix(name));
                UnixDatagram.send(name, "READY=1".getBytes(UTF_8));
                byte[] buffer = new byte[64];
                int count = libc.recvfrom(fd, buffer, Constants.MSG_DONTWAIT, new byte[110]);
                assertThat(new String(buffer, 0, count, UTF_8)).isEqualTo("READY=1");
            } finally {
                libc.close(fd);
            }
        }
        assertThatThrownBy(() -> UnixDatagram.send(folder.resolve("absent").toString(), new byte[1]))
                .hasMessageContaining("ENOENT");
        assertThatThrownBy(() -> UnixDatagram.send("/" + "x".repeat(120), new byte[1]))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aPseudoTerminalCarriesBytesAndASize() throws Exception {
        int master = libc.posixOpenpt(Constants.O_RDWR | Constants.O_NOCTTY | Constants.O_CLOEXEC);
        libc.grantpt(master);
        libc.unlockpt(master);
        String name = libc.ptsname(master);
        int terminal = libc.open(name, Constants.O_RDWR | Constants.O_NOCTTY | Constants.O_CLOEXEC, 0);
        byte[] size = {0, 24, 0, 80, 0, 0, 0, 0};
        libc.ioctl(master, Constants.TIOCSWINSZ, size);
        byte[] seen = new byte[8];
        libc.ioctl(terminal, Constants.TIOCGWINSZ, seen);
        assertThat(seen).isEqualTo(size);
        assertThat(libc.poll(master, Constants.POLLIN, 0)).isZero();
        libc.write(terminal, "hi".getBytes(UTF_8), 0, 2);
        assertThat(libc.poll(master, Constants.POLLIN, 10_000) & Constants.POLLIN)
                .isNotZero();
        byte[] buffer = new byte[16];
        assertThat(libc.read(master, buffer, 0, 16)).isEqualTo(2);
        libc.close(terminal);
        libc.close(master);
    }

    @Test
    void aChildIsSeenWithoutBeingReaped() throws Exception {
        Process child = new ProcessBuilder("sleep", "600").start();
        int pid = (int) child.pid();
        assertThat(libc.waitid(Constants.P_PID, pid, Constants.WEXITED | Constants.WNOHANG | Constants.WNOWAIT))
                .isEmpty();
        int descriptor = libc.pidfdOpen(pid, 0);
        libc.pidfdSendSignal(descriptor, Constants.SIGKILL);
        libc.close(descriptor);
        assertThat(child.waitFor()).isEqualTo(137);
        assertThatThrownBy(() -> libc.kill(pid, 0)).hasMessageContaining("ESRCH");
        assertThatThrownBy(() -> libc.waitid(Constants.P_PID, pid, Constants.WEXITED))
                .hasMessageContaining("ECHILD");
    }

    @Test
    void theThreadAndItsUserHaveNumbers() throws Exception {
        assertThat(libc.gettid()).isPositive();
        assertThat(libc.getuid()).isEqualTo(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        assertThat(libc.geteuid()).isEqualTo(libc.getuid());
        assertThat(libc.prctl(Constants.PR_SET_NO_NEW_PRIVS + 1, 0, 0, 0, 0)).isBetween(0, 1);
    }

    @Test
    void identitiesChangeForOneThreadOnly() throws Exception {
        boolean allUsers = Files.readString(Path.of("/proc/self/uid_map")).contains("4294967295");
        org.junit.jupiter.api.Assumptions.assumeTrue(libc.geteuid() == 0 && allUsers, "needs root of the machine");
        int[] seen = new int[2];
        Throwable[] failure = new Throwable[1];
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                libc.setgroups();
                libc.setresgid(4711, 4711, 4711);
                libc.setresuid(4712, 4712, 4712);
                seen[0] = libc.getegid();
                seen[1] = libc.geteuid();
            } catch (ErrnoException e) {
                failure[0] = e;
            }
        });
        thread.join();
        assertThat(failure[0]).isNull();
        assertThat(seen).containsExactly(4711, 4712);
        assertThat(libc.geteuid()).isZero();
    }
}
