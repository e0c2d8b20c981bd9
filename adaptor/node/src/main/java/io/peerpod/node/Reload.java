// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import io.peerpod.node.health.Metrics;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes settings over while the daemon runs: on SIGHUP, and when the file of settings or one of the TLS files changes. A set of settings with
 * anything wrong in it is refused as a whole, with all its problems, and the old ones stay.
 */
final class Reload {
    /** The flags whose options are taken while the daemon runs; for what begins from then on. */
    static final Set<String> LIVE = Set.of(
            "initdata",
            "log-level",
            "enable-scratch-space",
            "proxy-timeout",
            "vm-check-interval",
            "cloud-creates",
            "cloud-deletes");

    /** How often the files are looked at. A mounted ConfigMap is exchanged by a link, which no watch of the file would see. */
    private static final Duration LOOK_PERIOD = Duration.ofSeconds(2);

    private static final Logger log = LoggerFactory.getLogger(Reload.class);

    private final Source source;
    private final Metrics metrics;
    private final Settings started;
    private final List<Consumer<NodeConfig>> takers = new ArrayList<>();
    private Settings current;
    private Map<Path, Integer> files;
    private volatile String report = "nothing was reloaded since the daemon started\n";

    /**
     * Where settings come from.
     *
     * @param problems what is wrong with a configuration whose every value was readable
     */
    record Source(
            String program,
            Options table,
            NodeOptions options,
            List<String> arguments,
            Map<String, String> environment,
            Function<NodeConfig, List<String>> problems) {

        Settings settings() throws InvalidOptionsException, HelpRequestedException {
            return table.resolve(
                    arguments,
                    ConfigFile.beneath(environment, ConfigFile.named(arguments, environment), table, program));
        }
    }

    Reload(Source source, Settings started, Metrics metrics) {
        this.source = source;
        this.metrics = metrics;
        this.started = started;
        this.current = started;
        this.files = contents(source.options().read(started));
    }

    /** Somebody who is given every configuration that was taken. */
    void onTaken(Consumer<NodeConfig> taker) {
        takers.add(taker);
    }

    /** Looks at the files from now on. */
    void watch() {
        Thread.ofVirtual().name("reload").start(() -> {
            try {
                while (true) {
                    Thread.sleep(LOOK_PERIOD);
                    look();
                }
            } catch (InterruptedException e) {
                log.atTrace().log("files of settings are no longer looked at");
            }
        });
    }

    private synchronized void look() {
        if (!contents(source.options().read(current)).equals(files)) {
            run("a file changed");
        }
    }

    /** What the last reload came to. */
    String report() {
        return report;
    }

    /** Reads all settings again. */
    synchronized void run(String why) {
        String when = Instant.now().truncatedTo(ChronoUnit.SECONDS) + ", " + why + "\n";
        Map<Path, Integer> before = files;
        files = contents(source.options().read(current));
        try {
            Settings fresh = source.settings();
            NodeConfig config = source.options().read(fresh);
            List<String> problems = source.problems().apply(config);
            if (!problems.isEmpty()) {
                throw new InvalidOptionsException(source.program(), problems);
            }
            files = contents(config);
            take(fresh, config, before, when);
        } catch (InvalidOptionsException | HelpRequestedException e) {
            metrics.reloaded(false);
            report = when + "refused; the settings from before stay:\n" + e.getMessage() + "\n";
            log.atError().addKeyValue("failure", e.getMessage()).log("the reload was refused; the old settings stay");
        }
    }

    private void take(Settings fresh, NodeConfig config, Map<Path, Integer> before, String when) {
        List<String> taken = new ArrayList<>();
        List<String> restart = new ArrayList<>();
        for (Option<?> row : source.table().rows()) {
            if (LIVE.contains(row.flag())) {
                if (fresh.differs(row, current)) {
                    taken.add("-" + row.flag());
                }
            } else if (fresh.differs(row, started)) {
                restart.add("-" + row.flag());
            }
        }
        tlsFiles(config)
                .filter(file -> !Optional.ofNullable(before.get(file)).equals(Optional.ofNullable(files.get(file))))
                .forEach(file -> taken.add("the content of " + file));
        takers.forEach(taker -> taker.accept(config));
        current = fresh;
        metrics.reloaded(true);
        report = when + "taken, for what begins from now on: " + words(taken)
                + "\nchanged, and taken at the next start only: " + words(restart) + "\n";
        log.atInfo()
                .addKeyValue("taken", words(taken))
                .addKeyValue("restart", words(restart))
                .log("settings were reloaded; what is named under restart waits for the next start");
    }

    private static String words(List<String> names) {
        return names.isEmpty() ? "nothing" : String.join(", ", names);
    }

    private static Stream<Path> tlsFiles(NodeConfig config) {
        return Stream.of(
                        config.tls().authority(),
                        config.tls().certificate(),
                        config.tls().key())
                .flatMap(Optional::stream);
    }

    /** What is in each file that matters, in a number; a file that cannot be read has none. */
    private Map<Path, Integer> contents(NodeConfig config) {
        Map<Path, Integer> contents = new TreeMap<>();
        Stream.concat(tlsFiles(config), ConfigFile.named(source.arguments(), source.environment()).stream())
                .forEach(file -> {
                    try {
                        contents.put(file, Arrays.hashCode(Files.readAllBytes(file)));
                    } catch (IOException e) {
                        contents.put(file, 0);
                    }
                });
        return contents;
    }
}
