// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;

/** A pseudo-terminal: the agent's end, and the path of the process's end (pty(7)). */
final class Terminal implements AutoCloseable {
    private static final int WINSIZE_BYTES = 8;
    private static final Duration FULL_PAUSE = Duration.ofMillis(5);

    private final Libc libc = Libc.system();
    private final ReentrantLock lock = new ReentrantLock();
    private final int master;
    private final Path path;
    private boolean closed;

    private Terminal(int master, Path path) {
        this.master = master;
        this.path = path;
    }

    static Terminal open() throws IOException {
        Libc libc = Libc.system();
        int master =
                libc.posixOpenpt(Constants.O_RDWR | Constants.O_NOCTTY | Constants.O_NONBLOCK | Constants.O_CLOEXEC);
        try {
            libc.grantpt(master);
            libc.unlockpt(master);
            return new Terminal(master, Path.of(libc.ptsname(master)));
        } catch (IOException | RuntimeException e) {
            libc.close(master);
            throw e;
        }
    }

    /** The process's end. */
    Path path() {
        return path;
    }

    /** Sets the size in characters. */
    void resize(int rows, int columns) throws IOException {
        byte[] size = ByteBuffer.allocate(WINSIZE_BYTES)
                .order(ByteOrder.nativeOrder())
                .putShort((short) rows)
                .putShort((short) columns)
                .array();
        lock.lock();
        try {
            libc.ioctl(usable(), Constants.TIOCSWINSZ, size);
        } finally {
            lock.unlock();
        }
    }

    /** For the one thread that reads, and closes the terminal when it is done: whether something can be read, or the other end is closed, within that time. */
    boolean awaitInput(int milliseconds) throws IOException {
        return libc.poll(master, Constants.POLLIN, milliseconds) != 0;
    }

    /** Reads; EIO means that no process has the other end open any more. */
    int read(byte[] into) throws IOException {
        return libc.read(master, into, 0, into.length);
    }

    /** Types all of it, waiting while the process has not read what was typed before. */
    void write(byte[] data) throws IOException, InterruptedException {
        int done = 0;
        while (done < data.length) {
            int taken = writeSome(data, done);
            done += taken;
            if (taken == 0) {
                Thread.sleep(FULL_PAUSE);
            }
        }
    }

    private int writeSome(byte[] data, int from) throws IOException {
        lock.lock();
        try {
            return libc.write(usable(), data, from, data.length - from);
        } catch (ErrnoException e) {
            if (e.is(Errno.EAGAIN)) {
                return 0;
            }
            throw e;
        } finally {
            lock.unlock();
        }
    }

    private int usable() throws IOException {
        if (closed) {
            throw new IOException("the terminal is closed");
        }
        return master;
    }

    @Override
    public void close() throws IOException {
        lock.lock();
        try {
            if (!closed) {
                closed = true;
                libc.close(master);
            }
        } finally {
            lock.unlock();
        }
    }
}
