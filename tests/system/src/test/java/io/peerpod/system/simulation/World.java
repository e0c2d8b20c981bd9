// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;

/** Virtual time, and what happens in it. */
final class World {
    /** Of all daemons: outside of them. */
    static final int OUTSIDE = -1;

    /** Longest line of a story. */
    private static final int LINE = 180;

    private static final long EPOCH_MILLIS = 1_800_000_000_000L;

    /** Something that happens at a time, unless the daemon that it belongs to is dead by then. */
    private record Task(long due, long number, int life, Runnable work) implements Comparable<Task> {
        @Override
        public int compareTo(Task other) {
            return due != other.due ? Long.compare(due, other.due) : Long.compare(number, other.number);
        }
    }

    final Dice dice;
    private final PriorityQueue<Task> tasks = new PriorityQueue<>();
    private final List<String> story = new ArrayList<>();
    private final boolean telling;
    private long number;
    long now;
    /** How far the wall clock was set, milliseconds. */
    long skew;

    /** The wall clock as a daemon reads it. */
    final Clock clock = new Clock() {
        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }

        @Override
        public Instant instant() {
            return Instant.ofEpochMilli(wallMillis());
        }
    };

    World(Dice dice, boolean telling) {
        this.dice = dice;
        this.telling = telling;
    }

    long wallMillis() {
        return EPOCH_MILLIS + now + skew;
    }

    void after(long delay, int life, Runnable work) {
        tasks.add(new Task(now + delay, number++, life, work));
    }

    /** The next thing that happens until then; null when nothing does. */
    @org.jspecify.annotations.Nullable
    Runnable next(long until, int life) {
        while (!tasks.isEmpty() && tasks.peek().due <= until) {
            Task task = tasks.remove();
            if (task.life == OUTSIDE || task.life == life) {
                now = task.due;
                return task.work;
            }
        }
        return null;
    }

    boolean isTelling() {
        return telling;
    }

    void tell(String id, Object what) {
        if (telling) {
            String line = "%8d ms  %s %s".formatted(now, id, what);
            story.add(line.length() <= LINE ? line : line.substring(0, LINE));
        }
    }

    List<String> story() {
        return story;
    }
}
