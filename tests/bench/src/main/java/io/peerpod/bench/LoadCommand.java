// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** {@code peerpod bench load}: every case on one socket, one JSON object a line. */
final class LoadCommand {
    private LoadCommand() {}

    static void run(List<String> arguments, Map<String, String> environment)
            throws InvalidOptionsException, HelpRequestedException, IOException {
        Options options = new Options("peerpod bench load");
        Option<Path> socket = options.add("socket", null, Parsers.path(), null, "unix socket to load")
                .required();
        Option<String> label = options.add("label", null, Parsers.string(), "load", "copied into every line");
        LoadOptions load = LoadOptions.addTo(options);
        Settings settings = options.resolve(arguments, environment);
        try (Load generator = Load.connect(settings.get(socket), settings.get(load.peers()))) {
            for (LoadCase one : load.cases(settings)) {
                generator.run(one, settings.get(load.warmup()));
                System.out.println(
                        JsonLines.of(settings.get(label), generator.run(one, settings.get(load.duration()))));
            }
        }
    }
}
