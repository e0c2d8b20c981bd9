// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The table of {@code bench relay}.
 *
 * @param rows in the order in which they were measured
 * @param idle of each process before the load
 * @param loaded of each process after it
 */
record RelayTable(List<RelayRow> rows, Map<String, ProcessUsage> idle, Map<String, ProcessUsage> loaded) {
    RelayTable {
        rows = List.copyOf(rows);
        idle = new LinkedHashMap<>(idle);
        loaded = new LinkedHashMap<>(loaded);
    }

    String text() {
        StringBuilder text = new StringBuilder();
        text.append(String.format(
                Locale.ROOT,
                "%-12s %46s | %46s | %s%n",
                "",
                "floor (straight to the agent)",
                "relay (TLS)",
                "compared"));
        text.append(String.format(
                Locale.ROOT,
                "%-12s %9s %9s %8s %8s %8s | %9s %9s %8s %8s %8s | %5s %5s %8s %8s %8s%n",
                "case",
                "req/s",
                "MB/s",
                "p50 us",
                "p90 us",
                "p99 us",
                "req/s",
                "MB/s",
                "p50 us",
                "p90 us",
                "p99 us",
                "kept",
                "ref.",
                "+p50 us",
                "+p99 us",
                "CPU us"));
        rows.forEach(row -> text.append(line(row)));
        text.append(
                "kept: of the floor's rate in this run; ref.: what the reference keeps of its floor; CPU: relay + forwarder, a call\n\n");
        text.append(String.format(Locale.ROOT, "%-12s %12s %12s %12s%n", "process", "RSS idle", "RSS loaded", "peak"));
        loaded.forEach((role, usage) -> text.append(String.format(
                Locale.ROOT,
                "%-12s %8.1f MiB %8.1f MiB %8.1f MiB%n",
                role,
                mebibytes(idle.getOrDefault(role, usage).residentKib()),
                mebibytes(usage.residentKib()),
                mebibytes(usage.peakKib()))));
        return text.toString();
    }

    private static String line(RelayRow row) {
        LoadResult floor = row.floor();
        LoadResult relay = row.relay();
        String reference = floor.load().referencePercent().isPresent()
                ? Integer.toString(floor.load().referencePercent().getAsInt())
                : "-";
        return String.format(
                Locale.ROOT,
                "%-12s %9.0f %9.1f %8.0f %8.0f %8.0f | %9.0f %9.1f %8.0f %8.0f %8.0f | %4.0f%% %4s%% %8.0f %8.0f %8.0f%n",
                floor.load().name(),
                floor.requestsPerSecond(),
                floor.megabytesPerSecond(),
                floor.micros(0.5),
                floor.micros(0.9),
                floor.micros(0.99),
                relay.requestsPerSecond(),
                relay.megabytesPerSecond(),
                relay.micros(0.5),
                relay.micros(0.9),
                relay.micros(0.99),
                row.ofFloor() * 100,
                reference,
                row.addedMicros(0.5),
                row.addedMicros(0.99),
                row.bothHalvesCpuMicros());
    }

    /** Resident set sizes as one JSON object. */
    String memoryJson() {
        Map<String, Object> sizes = new LinkedHashMap<>();
        loaded.forEach((role, usage) -> {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("idle_kib", idle.getOrDefault(role, usage).residentKib());
            one.put("loaded_kib", usage.residentKib());
            one.put("peak_kib", usage.peakKib());
            sizes.put(role, one);
        });
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("case", "rss");
        line.put("label", "relay");
        line.put("processes", sizes);
        return JsonLines.object(line);
    }

    private static double mebibytes(long kib) {
        return kib / 1024.0;
    }
}
