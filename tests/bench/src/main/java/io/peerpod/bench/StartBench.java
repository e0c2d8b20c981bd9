// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.PrivateWorld;
import io.peerpod.doubles.WireStatusException;
import io.peerpod.doubles.WorldProcesses;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.Installation;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code peerpod bench start}: how long the daemon takes to serve, and pods to start and stop on the local cloud. */
final class StartBench {
    private static final Duration SETTLE = Duration.ofSeconds(10);
    private static final Duration CLEAN_LIMIT = Duration.ofMinutes(1);

    private final PrivateWorld world;
    private final boolean json;

    private StartBench(PrivateWorld world, boolean json) {
        this.world = world;
        this.json = json;
    }

    static void run(List<String> arguments, Map<String, String> environment)
            throws InvalidOptionsException, HelpRequestedException, IOException, WireStatusException,
                    InterruptedException {
        Options options = new Options("peerpod bench start");
        Option<Integer> starts =
                options.add("daemon-starts", null, Parsers.integer(1, 1000), "10", "how often the daemon is started");
        Option<Integer> serial = options.add(
                "serial", null, Parsers.integer(0, 10_000), "20", "pods that are started and stopped one by one");
        Option<Integer> parallel =
                options.add("parallel", null, Parsers.integer(0, 1000), "20", "pods that start at once in a burst");
        Option<Integer> total = options.add(
                "total", null, Parsers.integer(0, 100_000), "20", "pods that are started in bursts, all together");
        Option<Boolean> json = options.addSwitch("json", null, false, "one JSON object a line instead of the table");
        Settings settings = options.resolve(arguments, environment);
        Installation installation = Installation.current()
                .orElseThrow(() -> new IOException("start it through ./peerpod, which knows where the programs are"));
        PrivateWorld world = PrivateWorld.make(installation);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> closeQuietly(world)));
        StartBench bench = new StartBench(world, settings.get(json));
        int failures;
        try (world) {
            bench.daemon(settings.get(starts));
            failures = bench.pods("1 at a time", settings.get(serial), 1);
            failures += bench.pods(
                    settings.get(parallel) + " at once",
                    settings.get(parallel) == 0 ? 0 : settings.get(total),
                    settings.get(parallel));
            bench.memory();
        }
        bench.leftovers(failures);
    }

    private static void closeQuietly(PrivateWorld world) {
        try {
            world.close();
            PrivateWorld.killTheRest();
        } catch (IOException e) {
            System.err.println("closing the world: " + e.getMessage());
        }
    }

    /** Exec to first answer; the last daemon stays for what follows. */
    private void daemon(int starts) throws IOException, InterruptedException {
        LatencyHistogram served = new LatencyHistogram();
        NodeProcess node = world.startNode(Map.of());
        served.record(node.served().toNanos());
        for (int i = 1; i < starts; i++) {
            node.close();
            node = world.startNode(Map.of());
            served.record(node.served().toNanos());
        }
        line("daemon: exec to socket answering", served, starts, 0);
        Thread.sleep(SETTLE);
        Map<String, Object> sizes = new LinkedHashMap<>();
        sizes.put("case", "rss-idle");
        sizes.put("node_kib", ProcessUsage.of(node.pid()).residentKib());
        sizes.put("relay_kib", relayUsage().residentKib());
        show(sizes);
    }

    private static ProcessUsage relayUsage() throws IOException {
        List<WorldProcesses.Running> relays = WorldProcesses.matching(NodeProcess.RELAY_CLASS);
        if (relays.isEmpty()) {
            throw new IOException("the daemon serves and no relay runs");
        }
        return ProcessUsage.of(relays.getFirst().pid());
    }

    private int pods(String name, int count, int atOnce) throws IOException, InterruptedException {
        if (count == 0 || atOnce == 0) {
            return 0;
        }
        PodBursts bursts = new PodBursts(world, atOnce);
        bursts.run(count);
        for (Map.Entry<String, LatencyHistogram> stage : bursts.stages().entrySet()) {
            line(
                    "pods " + name + ": " + stage.getKey(),
                    stage.getValue(),
                    count,
                    bursts.failures().size());
        }
        bursts.failures().stream().distinct().limit(5).forEach(failure -> System.err.println("  failed: " + failure));
        List<String> left = world.awaitNoSandbox(CLEAN_LIMIT);
        if (!left.isEmpty()) {
            throw new IOException("pods that were stopped left behind: " + left);
        }
        return bursts.failures().size();
    }

    private void memory() throws IOException {
        Map<String, Object> sizes = new LinkedHashMap<>();
        sizes.put("case", "rss-after");
        for (WorldProcesses.Running node : WorldProcesses.matching("io.peerpod.node.Main")) {
            sizes.put("node_kib", ProcessUsage.of(node.pid()).residentKib());
        }
        sizes.put("relay_kib", relayUsage().residentKib());
        show(sizes);
    }

    private void leftovers(int failures) throws IOException {
        List<String> left = new ArrayList<>(world.leftovers());
        Map<String, Object> end = new LinkedHashMap<>();
        end.put("case", "end");
        end.put("failures", failures);
        end.put("leftovers", left.size());
        show(end);
        left.forEach(one -> System.err.println("  left behind: " + one));
        if (failures > 0 || !left.isEmpty()) {
            throw new IOException(failures + " pods failed, " + left.size() + " things were left behind");
        }
    }

    private void line(String name, LatencyHistogram times, int count, int failures) {
        if (json) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("case", name);
            fields.put("count", times.total());
            fields.put("failures", failures);
            fields.put("p50_ms", times.percentile(0.5) / 1e6);
            fields.put("p99_ms", times.percentile(0.99) / 1e6);
            fields.put("max_ms", times.max() / 1e6);
            System.out.println(JsonLines.object(fields));
            return;
        }
        System.out.printf(
                Locale.ROOT,
                "%-48s n %5d of %5d   p50 %8.1f ms   p99 %8.1f ms   max %8.1f ms%n",
                name,
                times.total(),
                count,
                times.percentile(0.5) / 1e6,
                times.percentile(0.99) / 1e6,
                times.max() / 1e6);
    }

    private void show(Map<String, Object> fields) {
        if (json) {
            System.out.println(JsonLines.object(fields));
            return;
        }
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%-48s", fields.get("case")));
        fields.forEach((key, value) -> {
            if (!key.equals("case")) {
                boolean kib = key.endsWith("_kib");
                text.append("   ")
                        .append(kib ? key.substring(0, key.length() - 4) : key)
                        .append(' ')
                        .append(kib ? String.format(Locale.ROOT, "%.1f MiB", ((Long) value) / 1024.0) : value);
            }
        });
        System.out.println(text);
    }
}
