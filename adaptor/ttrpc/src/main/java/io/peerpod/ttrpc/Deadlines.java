// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The threads that calls run on, and the clock of their deadlines. */
final class Deadlines {
    /** A virtual thread for every task. */
    static final Executor CALLS = task -> Thread.ofVirtual().name("ttrpc-call").start(task);

    /** One daemon thread for the deadlines of the whole process; what is due runs on {@link #CALLS}. */
    static final ScheduledThreadPoolExecutor TIMER = new Timer();

    private Deadlines() {}

    private static final class Timer extends ScheduledThreadPoolExecutor {
        Timer() {
            super(1, Thread.ofPlatform().daemon().name("ttrpc-deadlines").factory());
            setRemoveOnCancelPolicy(true);
        }

        @Override
        public ScheduledFuture<?> schedule(Runnable command, long delay, TimeUnit unit) {
            return super.schedule(() -> CALLS.execute(command), delay, unit);
        }
    }
}
