// SPDX-License-Identifier: Apache-2.0
package io.peerpod.cli;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Prints one line a step with its time, and remembers the times of each pod's start-up. */
final class Steps {
    private static final double NANOS_PER_MILLI = 1e6;

    private final Map<String, Map<String, Duration>> startUp = new LinkedHashMap<>();

    /** Something that takes a while and may fail. */
    interface Action<T> {
        T run() throws Exception;
    }

    /** Runs a step and prints how long it took. */
    <T> T time(String who, String what, Action<T> action) throws Exception {
        long before = System.nanoTime();
        T result = action.run();
        done(who, what, Duration.ofNanos(System.nanoTime() - before));
        return result;
    }

    /** Prints a step that was measured elsewhere. */
    void done(String who, String what, Duration took) {
        System.out.printf(Locale.ROOT, "%10.1f ms  %-8s %s%n", took.toNanos() / NANOS_PER_MILLI, who, what);
    }

    /** Prints what is no step, such as a container's output. */
    void say(String who, String text) {
        text.lines().forEach(line -> System.out.printf(Locale.ROOT, "%13s  %-8s | %s%n", "", who, line));
    }

    /** Runs a stage of a pod's start-up and remembers its time. */
    <T> T stage(String pod, String stage, Action<T> action) throws Exception {
        long before = System.nanoTime();
        T result = action.run();
        startUp.computeIfAbsent(pod, _ -> new LinkedHashMap<>())
                .put(stage, Duration.ofNanos(System.nanoTime() - before));
        return result;
    }

    /** One line a pod. */
    void printStartUp() {
        startUp.forEach((pod, stages) -> {
            StringBuilder line = new StringBuilder();
            stages.forEach((stage, took) -> line.append(line.isEmpty() ? "" : "  >  ")
                    .append(stage)
                    .append(' ')
                    .append(String.format(Locale.ROOT, "%.0f ms", took.toNanos() / NANOS_PER_MILLI)));
            System.out.println("start-up of " + pod + ":  " + line);
        });
    }
}
