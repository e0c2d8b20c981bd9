// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.health;

import io.peerpod.node.health.Metric.Counter;
import io.peerpod.node.health.Metric.Gauge;
import io.peerpod.node.health.Metric.Histogram;
import io.peerpod.sandbox.OrphanSweep;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;

/** Every metric of the daemon. {@code docs/metrics.md} is made from this table. */
public final class Metrics {
    private static final List<Double> CALL_SECONDS =
            List.of(0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0);
    private static final List<Double> STAGE_SECONDS =
            List.of(0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0);
    private static final List<Double> SYNC_SECONDS = List.of(0.0001, 0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0);
    private static final double KIB = 1024;

    private final List<Metric> all = new ArrayList<>();
    private volatile Supplier<Map<String, Double>> sandboxesByState = Map::of;
    private volatile Supplier<Map<String, Double>> sessionsByState = Map::of;
    private volatile Map<String, Double> sweepVerdicts = Map.of();

    final Counter starts = add(new Counter(
            "peerpod_sandbox_starts_total",
            List.of("outcome"),
            "StartVM that came to an end: ready, or the cause of the failure."));
    final Histogram startSeconds = add(new Histogram(
            "peerpod_sandbox_start_duration_seconds",
            List.of(),
            "From the first call to the cloud to the agent's answer, of starts that succeeded.",
            STAGE_SECONDS));
    final Counter stops = add(new Counter(
            "peerpod_sandbox_stops_total", List.of("cause"), "Sandboxes that began to be undone, and why."));
    final Counter ends = add(new Counter(
            "peerpod_sandbox_ends_total",
            List.of(),
            "Sandboxes of which nothing is left in the cloud and on this node."));
    final Histogram stageSeconds = add(new Histogram(
            "peerpod_stage_duration_seconds",
            List.of("stage"),
            "How long sandboxes were in each stage of their life; the stages are those of 'peerpod why'.",
            STAGE_SECONDS));
    final Counter cloudCalls = add(new Counter(
            "peerpod_cloud_calls_total",
            List.of("operation", "outcome"),
            "Calls to the cloud: ok, or the class of the failure."));
    final Histogram cloudSeconds = add(new Histogram(
            "peerpod_cloud_call_duration_seconds",
            List.of("operation"),
            "How long calls to the cloud took, whatever came of them.",
            CALL_SECONDS));
    final Histogram syncSeconds = add(new Histogram(
            "peerpod_journal_sync_duration_seconds",
            List.of(),
            "How long the disk took to make facts durable.",
            SYNC_SECONDS));
    final Counter journalFailures = add(new Counter(
            "peerpod_journal_failures_total", List.of(), "Writes and syncs of journals that the disk refused."));
    final Counter reloads = add(new Counter(
            "peerpod_reloads_total", List.of("outcome"), "Reloads of the configuration: taken or refused."));

    /** Metrics of a daemon that has measured nothing yet. */
    public Metrics() {
        add(new Gauge(
                "peerpod_sandboxes",
                List.of("state"),
                "Sandboxes of this node by the state of their life.",
                () -> sandboxesByState.get()));
        add(new Gauge(
                "peerpod_relay_sessions",
                List.of("state"),
                "Agent sessions of the relay by state; nothing when it does not answer.",
                () -> sessionsByState.get()));
        add(new Gauge(
                "peerpod_orphan_sweep_vms",
                List.of("verdict"),
                "Pod VMs in the cloud by the verdict of the last orphan sweep.",
                () -> sweepVerdicts));
        add(new Gauge(
                "peerpod_build_info",
                List.of("version"),
                "Always 1; which build runs.",
                () -> Map.of(
                        Optional.ofNullable(Metrics.class.getPackage().getImplementationVersion())
                                .orElse("development"),
                        1.0)));
        add(new Gauge(
                "process_start_time_seconds",
                List.of(),
                "When the daemon started, seconds since 1970.",
                () -> Map.of("", startSecondsSinceEpoch())));
        add(new Gauge(
                "process_resident_memory_bytes",
                List.of(),
                "Memory of the daemon that is resident.",
                Metrics::resident));
    }

    /** Where the numbers of sandboxes by state come from. */
    public void sandboxes(Supplier<Map<String, Double>> source) {
        sandboxesByState = source;
    }

    /** Where the numbers of agent sessions by state come from. */
    public void sessions(Supplier<Map<String, Double>> source) {
        sessionsByState = source;
    }

    /** What the last orphan sweep found. */
    public void swept(List<OrphanSweep.Verdict> verdicts) {
        Map<String, Double> counts = new TreeMap<>();
        for (OrphanSweep.Kind kind : OrphanSweep.Kind.values()) {
            counts.put(kind.name().toLowerCase(Locale.ROOT).replace('_', '-'), 0.0);
        }
        verdicts.forEach(verdict ->
                counts.merge(verdict.kind().name().toLowerCase(Locale.ROOT).replace('_', '-'), 1.0, Double::sum));
        sweepVerdicts = counts;
    }

    /** Counts a reload. */
    public void reloaded(boolean taken) {
        reloads.increment(taken ? "taken" : "refused");
    }

    private <M extends Metric> M add(M metric) {
        all.add(metric);
        return metric;
    }

    /** Every metric, in Prometheus' text format 0.0.4. */
    public String text() {
        StringBuilder out = new StringBuilder();
        all.forEach(metric -> metric.writeAll(out));
        return out.toString();
    }

    /** The table of {@code docs/metrics.md}. */
    public String markdown() {
        StringBuilder out = new StringBuilder("| metric | type | labels | what |\n|---|---|---|---|\n");
        for (Metric metric : all) {
            out.append("| `")
                    .append(metric.name())
                    .append("` | ")
                    .append(metric.type())
                    .append(" | ")
                    .append(String.join(", ", metric.labels()))
                    .append(" | ")
                    .append(metric.help())
                    .append(" |\n");
        }
        return out.toString();
    }

    private static double startSecondsSinceEpoch() {
        return ProcessHandle.current()
                .info()
                .startInstant()
                .map(start -> start.toEpochMilli() / 1000.0)
                .orElse(0.0);
    }

    private static Map<String, Double> resident() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmRSS:")) {
                    return Map.of("", Double.parseDouble(line.replaceAll("\\D", "")) * KIB);
                }
            }
        } catch (java.io.IOException e) {
            return Map.of();
        }
        return Map.of();
    }
}
