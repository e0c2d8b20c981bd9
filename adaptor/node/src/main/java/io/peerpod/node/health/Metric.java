// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.health;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/** One metric with all its label values. */
sealed interface Metric {
    /** {@code peerpod_...}, with its unit at the end. */
    String name();

    /** {@code counter}, {@code gauge} or {@code histogram}. */
    String type();

    /** The names of its labels, in order. */
    List<String> labels();

    /** One sentence. */
    String help();

    /** The sample lines, in Prometheus' text format 0.0.4. */
    void write(StringBuilder out);

    /** The head lines and the samples. */
    default void writeAll(StringBuilder out) {
        out.append("# HELP ").append(name()).append(' ').append(help()).append('\n');
        out.append("# TYPE ").append(name()).append(' ').append(type()).append('\n');
        write(out);
    }

    private static void sample(StringBuilder out, String name, List<String> labels, String values, String number) {
        out.append(name);
        if (!labels.isEmpty()) {
            List<String> each = Arrays.asList(values.split("\n", -1));
            out.append('{');
            for (int i = 0; i < labels.size(); i++) {
                out.append(i == 0 ? "" : ",")
                        .append(labels.get(i))
                        .append("=\"")
                        .append(escaped(each.get(i)))
                        .append('"');
            }
            out.append('}');
        }
        out.append(' ').append(number).append('\n');
    }

    private static String escaped(String value) {
        return value.replace("\\", "\\\\").replace("\"", "\\\"");
    }

    /** Values of a metric's labels as one key. They are words of ours, so that none holds a line feed. */
    private static String key(String... values) {
        return String.join("\n", values);
    }

    /** A number that only grows. */
    record Counter(String name, List<String> labels, String help, Map<String, LongAdder> values) implements Metric {
        Counter(String name, List<String> labels, String help) {
            this(name, labels, help, new ConcurrentSkipListMap<>());
        }

        @Override
        public String type() {
            return "counter";
        }

        void increment(String... labelValues) {
            values.computeIfAbsent(key(labelValues), _ -> new LongAdder()).increment();
        }

        @Override
        public void write(StringBuilder out) {
            values.forEach((key, value) -> sample(out, name, labels, key, Long.toString(value.sum())));
        }
    }

    /** Numbers that are asked for when somebody looks; by the values of the one label, or with an empty key where there is none. */
    record Gauge(String name, List<String> labels, String help, Supplier<Map<String, Double>> source)
            implements Metric {
        @Override
        public String type() {
            return "gauge";
        }

        @Override
        public void write(StringBuilder out) {
            source.get().forEach((key, value) -> sample(out, name, labels, key, number(value)));
        }
    }

    /** How long something took, in seconds. */
    record Histogram(String name, List<String> labels, String help, List<Double> bounds, Map<String, Buckets> values)
            implements Metric {
        private static final double NANOS = 1e9;

        /** The counts of one set of label values; the last one is of what is beyond every bound. */
        record Buckets(AtomicLongArray counts, LongAdder nanos) {}

        Histogram(String name, List<String> labels, String help, List<Double> bounds) {
            this(name, labels, help, List.copyOf(bounds), new ConcurrentSkipListMap<>());
        }

        @Override
        public String type() {
            return "histogram";
        }

        void observe(long nanos, String... labelValues) {
            Buckets buckets = values.computeIfAbsent(
                    key(labelValues), _ -> new Buckets(new AtomicLongArray(bounds.size() + 1), new LongAdder()));
            int at = 0;
            while (at < bounds.size() && nanos / NANOS > bounds.get(at)) {
                at++;
            }
            buckets.counts().incrementAndGet(at);
            buckets.nanos().add(nanos);
        }

        @Override
        public void write(StringBuilder out) {
            List<String> withBound = new java.util.ArrayList<>(labels);
            withBound.add("le");
            values.forEach((key, buckets) -> {
                String prefix = labels.isEmpty() ? "" : key + "\n";
                long sum = 0;
                for (int i = 0; i <= bounds.size(); i++) {
                    sum += buckets.counts().get(i);
                    String bound = i < bounds.size() ? number(bounds.get(i)) : "+Inf";
                    sample(out, name + "_bucket", withBound, prefix + bound, Long.toString(sum));
                }
                sample(out, name + "_sum", labels, key, number(buckets.nanos().sum() / NANOS));
                sample(out, name + "_count", labels, key, Long.toString(sum));
            });
        }
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15
                ? Long.toString((long) value)
                : String.format(Locale.ROOT, "%.9g", value);
    }
}
