// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The callbacks of one call: in order, one at a time, on a thread of the executor that is taken only while there are any. */
final class SerialExecutor {
    private final Executor executor;
    private final Runnable whenIdle;
    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private boolean scheduled;
    private @Nullable Thread runner;

    /**
     * @param whenIdle runs after the last waiting task, on the same thread
     */
    SerialExecutor(Executor executor, Runnable whenIdle) {
        this.executor = executor;
        this.whenIdle = whenIdle;
    }

    /** Adds a task, which must not throw. */
    void execute(Runnable task) {
        lock.lock();
        try {
            tasks.add(task);
            if (scheduled) {
                return;
            }
            scheduled = true;
        } finally {
            lock.unlock();
        }
        executor.execute(this::run);
    }

    boolean isIdle() {
        lock.lock();
        try {
            return !scheduled;
        } finally {
            lock.unlock();
        }
    }

    /** Interrupts the task that is running now, if any. */
    void interrupt() {
        lock.lock();
        try {
            if (runner != null) {
                runner.interrupt();
            }
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        while (true) {
            Runnable task;
            lock.lock();
            try {
                task = tasks.poll();
                if (task == null) {
                    runner = null;
                    scheduled = false;
                    break;
                }
                runner = Thread.currentThread();
            } finally {
                lock.unlock();
            }
            task.run();
        }
        whenIdle.run();
    }
}
