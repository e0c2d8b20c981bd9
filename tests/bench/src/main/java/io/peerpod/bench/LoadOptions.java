// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.time.Duration;
import java.util.List;

/**
 * The flags that every load has.
 *
 * @param duration measured time of a case
 * @param warmup time before it that does not count
 * @param cases names or beginnings of names
 * @param peers how client and agent are built
 */
record LoadOptions(
        Option<Duration> duration, Option<Duration> warmup, Option<List<String>> cases, Option<Peers> peers) {

    static LoadOptions addTo(Options options) {
        return new LoadOptions(
                options.add("duration", null, Parsers.duration(), "5s", "measured time of a case, such as 5s"),
                options.add("warmup", null, Parsers.duration(), "2s", "time before it that does not count"),
                options.add(
                        "cases",
                        null,
                        Parsers.list(Parsers.string()),
                        "unary,read32k,copy1m",
                        "comma list of cases, or of the beginnings of their names"),
                options.add(
                        "peers",
                        null,
                        Parsers.oneOf(Peers.class),
                        "usual",
                        "usual: client and echo agent with a thread for each call, as shims and agents are built;"
                                + " fast: one loop each, the least that peers can cost"));
    }

    /** The chosen cases in their own order. */
    List<LoadCase> cases(Settings settings) {
        return LoadCase.ALL.stream()
                .filter(load ->
                        settings.get(cases).stream().anyMatch(name -> (load.name() + "-").startsWith(name + "-")))
                .toList();
    }
}
