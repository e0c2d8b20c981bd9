// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.doubles.WireStatusException;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.Installation;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/** {@code peerpod bench relay}: every case at the floor and through the chain, in turn, and what keeps how much of the floor. */
final class RelayBench {
    /** How the launcher tells this process where the outside sees the root of its world. */
    private static final String ROOT_VARIABLE = "PEERPOD_WORLD_ROOT";

    private final Settings settings;
    private final LoadOptions load;
    private final Option<Duration> prepare;
    private final Option<Integer> repetitions;
    private final Option<Boolean> json;

    private RelayBench(
            Settings settings,
            LoadOptions load,
            Option<Duration> prepare,
            Option<Integer> repetitions,
            Option<Boolean> json) {
        this.settings = settings;
        this.load = load;
        this.prepare = prepare;
        this.repetitions = repetitions;
        this.json = json;
    }

    static void run(List<String> arguments, Map<String, String> environment)
            throws InvalidOptionsException, HelpRequestedException, IOException, WireStatusException,
                    InterruptedException {
        Options options = new Options("peerpod bench relay");
        LoadOptions load = LoadOptions.addTo(options);
        Option<Duration> prepare = options.add(
                "prepare",
                null,
                Parsers.duration(),
                "20s",
                "load before the first case, over all chosen cases, in which the run-times compile what is hot");
        Option<Integer> repetitions =
                options.add("repetitions", null, Parsers.integer(1, 100), "1", "runs of each case; the median counts");
        Option<Boolean> json = options.addSwitch("json", null, false, "one JSON object a line instead of the table");
        Option<Boolean> hold = options.addSwitch(
                "hold", null, false, "keep the chain up, print both sockets, and measure nothing until Ctrl-C");
        Option<Boolean> sessions = options.addSwitch(
                "sessions", null, true, "resumable sessions between the halves; =false measures the chain without");
        Settings settings = options.resolve(arguments, environment);
        Installation installation = Installation.current()
                .orElseThrow(() -> new IOException("start it through ./peerpod, which knows where the programs are"));
        try (Chain chain = Chain.up(installation, settings.get(load.peers()), settings.get(sessions))) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> closeQuietly(chain)));
            if (settings.get(hold)) {
                hold(chain, environment.getOrDefault(ROOT_VARIABLE, ""));
            } else {
                new RelayBench(settings, load, prepare, repetitions, json).measure(chain);
            }
        }
    }

    private static void closeQuietly(Chain chain) {
        try {
            chain.close();
        } catch (IOException e) {
            System.err.println("closing the chain: " + e.getMessage());
        }
    }

    private static void hold(Chain chain, String root) throws InterruptedException, IOException {
        System.out.println(chain.reachable(root));
        for (Map.Entry<String, Long> process : chain.processes().entrySet()) {
            ProcessUsage usage = ProcessUsage.of(process.getValue());
            System.out.println("pid " + process.getKey() + " " + usage.pid() + " rss " + usage.residentKib() + " KiB");
        }
        System.out.println("holding; Ctrl-C ends it");
        new CountDownLatch(1).await();
    }

    private void measure(Chain chain) throws IOException {
        List<RelayRow> rows = new ArrayList<>();
        Map<String, ProcessUsage> idle = usage(chain);
        prepare(chain);
        for (LoadCase one : load.cases(settings)) {
            RelayRow row = measure(chain, one);
            rows.add(row);
            if (settings.get(json)) {
                System.out.println(JsonLines.of("floor", row.floor()));
                Map<String, Object> fields = JsonLines.fields("relay", row.relay());
                fields.put("of_floor", row.ofFloor());
                fields.put("cpu_us_per_call", row.cpuMicrosPerCall());
                System.out.println(JsonLines.object(fields));
            } else {
                System.err.println("measured " + one.name());
            }
        }
        RelayTable table = new RelayTable(rows, idle, usage(chain));
        if (settings.get(json)) {
            System.out.println(table.memoryJson());
        } else {
            System.out.print(table.text());
        }
        long errors = rows.stream()
                .mapToLong(row -> row.floor().errors() + row.relay().errors())
                .sum();
        if (errors > 0) {
            throw new IOException(errors + " calls failed: the figures above do not count");
        }
    }

    /** A relay of a worker node is warm: it runs for weeks. */
    private void prepare(Chain chain) throws IOException {
        List<LoadCase> cases = load.cases(settings);
        Duration each = settings.get(prepare).dividedBy(2L * Math.max(1, cases.size()));
        for (LoadCase one : each.isZero() ? List.<LoadCase>of() : cases) {
            for (Path socket : List.of(chain.relaySocket(), chain.agentSocket())) {
                try (Load generator = Load.connect(socket, settings.get(load.peers()))) {
                    generator.run(one, each);
                }
            }
        }
    }

    /** Floor and chain in turn, so that a change of the machine's mood meets both; the middle of the repetitions by ratio. */
    private RelayRow measure(Chain chain, LoadCase one) throws IOException {
        List<RelayRow> runs = new ArrayList<>();
        for (int i = 0; i < settings.get(repetitions); i++) {
            LoadResult floor = load(chain.agentSocket(), one).result();
            Map<String, ProcessUsage> before = usage(chain);
            Loaded relay = load(chain.relaySocket(), one);
            Map<String, Double> cpu = new LinkedHashMap<>();
            usage(chain).forEach((role, after) -> {
                ProcessUsage earlier = before.get(role);
                if (earlier != null) {
                    cpu.put(role, after.cpu().minus(earlier.cpu()).toNanos() / 1e3 / relay.calls());
                }
            });
            runs.add(new RelayRow(floor, relay.result(), cpu));
        }
        runs.sort(Comparator.comparingDouble(RelayRow::ofFloor));
        return runs.get(runs.size() / 2);
    }

    /**
     * A result, and the number of calls with the warm-up's.
     *
     * @param result of the measured time
     * @param calls of warm-up and measured time
     */
    private record Loaded(LoadResult result, long calls) {}

    private Loaded load(Path socket, LoadCase one) throws IOException {
        Duration warmup = settings.get(load.warmup());
        try (Load generator = Load.connect(socket, settings.get(load.peers()))) {
            long warm =
                    warmup.isZero() ? 0 : generator.run(one, warmup).latencies().total();
            LoadResult result = generator.run(one, settings.get(load.duration()));
            return new Loaded(result, warm + result.latencies().total());
        }
    }

    private static Map<String, ProcessUsage> usage(Chain chain) throws IOException {
        Map<String, ProcessUsage> usage = new LinkedHashMap<>();
        for (Map.Entry<String, Long> process : chain.processes().entrySet()) {
            usage.put(process.getKey(), ProcessUsage.of(process.getValue()));
        }
        return usage;
    }
}
