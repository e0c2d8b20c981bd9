// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.IOException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One platform thread over one selector. Everything registered here runs on that thread, one event at a time, and must not block: a connection and its
 * peer share a loop, so that bytes read from the one are written to the other without a change of threads.
 */
public final class EventLoop implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(EventLoop.class);
    private static final AtomicLong TIMER_NUMBERS = new AtomicLong();

    /** What a selection key carries. */
    public interface Ready {
        /** The channel is ready for what its key asked for. */
        void ready(SelectionKey key) throws IOException;

        /** {@link #ready} threw this; the channel is of no use any more. */
        void failed(Throwable cause);
    }

    /** Is told when something is about to happen on the loop, and when all is at rest again before the next wait. */
    public interface Observer {
        /** Something begins; may be called several times before {@link #rests}. */
        void begins();

        /** Nothing is under way. */
        void rests();
    }

    /** A timer that can be called off. */
    public static final class Timer implements Comparable<Timer> {
        private final long deadlineNanos;
        private final long number = TIMER_NUMBERS.getAndIncrement();
        private final Runnable action;
        private volatile boolean cancelled;

        private Timer(long deadlineNanos, Runnable action) {
            this.deadlineNanos = deadlineNanos;
            this.action = action;
        }

        /** Calls it off; harmless when it ran already. */
        public void cancel() {
            cancelled = true;
        }

        @Override
        public int compareTo(Timer other) {
            int byDeadline = Long.signum(deadlineNanos - other.deadlineNanos);
            return byDeadline != 0 ? byDeadline : Long.compare(number, other.number);
        }
    }

    private final Selector selector;
    private final Thread thread;
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean woken = new AtomicBoolean();
    private final ArrayDeque<Runnable> afterEvent = new ArrayDeque<>();
    private final PriorityQueue<Timer> timers = new PriorityQueue<>();
    private final LoopBuffers buffers = new LoopBuffers();
    private final Consumer<SelectionKey> dispatch = this::dispatch;
    private @Nullable Observer observer;
    private volatile boolean closing;
    private volatile boolean abandoned;

    private EventLoop(String name, Selector selector) {
        this.selector = selector;
        thread = Thread.ofPlatform().name(name).daemon(true).unstarted(this::run);
    }

    /** Starts a loop whose thread has this name. */
    public static EventLoop start(String name) throws IOException {
        EventLoop loop = new EventLoop(name, Selector.open());
        loop.thread.start();
        return loop;
    }

    /** Whether the caller runs on this loop. */
    public boolean inLoop() {
        return Thread.currentThread() == thread;
    }

    /** Tells this observer from now on; only on the loop. */
    public void observe(Observer by) {
        observer = by;
    }

    private void begins() {
        Observer present = observer;
        if (present != null) {
            present.begins();
        }
    }

    private void rests() {
        Observer present = observer;
        if (present != null) {
            present.rests();
        }
    }

    /** Runs the task on the loop soon; callable from any thread. */
    public void execute(Runnable task) {
        tasks.add(task);
        if (!inLoop() && woken.compareAndSet(false, true)) {
            selector.wakeup();
        }
    }

    /** Runs the task on the loop when the present event is done with; only on the loop. */
    public void afterEvent(Runnable task) {
        afterEvent.add(task);
    }

    /** Runs the action on the loop after a delay; callable from any thread. */
    public Timer after(Duration delay, Runnable action) {
        Timer timer = new Timer(System.nanoTime() + delay.toNanos(), action);
        if (inLoop()) {
            timers.add(timer);
        } else {
            execute(() -> timers.add(timer));
        }
        return timer;
    }

    /** Registers a non-blocking channel; only on the loop. */
    public SelectionKey register(SelectableChannel channel, int operations, Ready ready) throws IOException {
        return channel.register(selector, operations, ready);
    }

    /** The scratch space of this loop; only on the loop. */
    public LoopBuffers buffers() {
        return buffers;
    }

    /** Waits for the end of the loop. */
    public void join() throws InterruptedException {
        thread.join();
    }

    /** Ends the loop and closes every channel that is still registered. */
    @Override
    public void close() {
        closing = true;
        selector.wakeup();
    }

    /** Ends the loop and lets go of its sockets, which another process goes on with: none is shut down. */
    public void abandon() {
        abandoned = true;
        close();
    }

    private void run() {
        try (selector) {
            while (!closing) {
                if (tasks.isEmpty()) {
                    selector.select(dispatch, millisToNextTimer());
                } else {
                    selector.selectNow(dispatch);
                }
                runTasks();
                runTimers();
                rests();
            }
            List<SelectionKey> last = List.copyOf(selector.keys());
            if (abandoned) {
                // The close of a registered socket shuts it down for everybody who shares it.
                last.forEach(SelectionKey::cancel);
                selector.selectNow();
            }
            for (SelectionKey key : last) {
                key.channel().close();
            }
        } catch (IOException | RuntimeException e) {
            log.atError()
                    .addKeyValue("failure", e.toString())
                    .setCause(e)
                    .log("an event loop ended; its connections are lost");
        }
    }

    private void dispatch(SelectionKey key) {
        begins();
        Ready ready = (Ready) key.attachment();
        try {
            ready.ready(key);
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            fail(ready, e);
        }
        runAfterEvent();
    }

    private void fail(Ready ready, Throwable cause) {
        try {
            ready.failed(cause);
        } catch (RuntimeException e) {
            log.atError()
                    .addKeyValue("failure", e.toString())
                    .setCause(e)
                    .log("a connection could not be closed in good order");
        }
    }

    private void runAfterEvent() {
        for (Runnable task = afterEvent.poll(); task != null; task = afterEvent.poll()) {
            guarded(task);
        }
    }

    private void runTasks() {
        woken.set(false);
        for (Runnable task = tasks.poll(); task != null && !abandoned; task = tasks.poll()) {
            guarded(task);
            runAfterEvent();
        }
    }

    private void runTimers() {
        long now = timers.isEmpty() ? 0 : System.nanoTime();
        while (!abandoned
                && !timers.isEmpty()
                && (timers.element().cancelled || timers.element().deadlineNanos - now <= 0)) {
            Timer timer = timers.remove();
            if (!timer.cancelled) {
                guarded(timer.action);
                runAfterEvent();
            }
        }
    }

    private void guarded(Runnable task) {
        begins();
        try {
            task.run();
        } catch (RuntimeException e) {
            log.atError().addKeyValue("failure", e.toString()).setCause(e).log("a task of an event loop failed");
        }
    }

    private long millisToNextTimer() {
        while (!timers.isEmpty() && timers.element().cancelled) {
            timers.remove();
        }
        if (timers.isEmpty()) {
            return 0; // for ever
        }
        long nanos = timers.element().deadlineNanos - System.nanoTime();
        return Math.max(1, (nanos + 999_999) / 1_000_000);
    }
}
