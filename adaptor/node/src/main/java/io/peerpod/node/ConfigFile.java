// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A file of settings, each as {@code VARIABLE=value} on a line of its own under the name of the option's environment variable; empty lines and
 * those that begin with {@code #} say nothing. A real variable wins over the file.
 */
final class ConfigFile {
    static final String FLAG = "config";
    static final String VARIABLE = "PEERPOD_CONFIG";

    /** Larger than any initdata that a cloud takes. */
    private static final int MAX_BYTES = 1 << 20;

    private ConfigFile() {}

    /** The file that the flag or the variable names; before the table is resolved, since the file takes part in that. */
    static Optional<Path> named(List<String> arguments, Map<String, String> environment) {
        String name = environment.getOrDefault(VARIABLE, "");
        for (int i = 0; i < arguments.size(); i++) {
            String word = arguments.get(i).replaceFirst("^--?", "-");
            if (word.startsWith("-" + FLAG + "=")) {
                name = word.substring(FLAG.length() + 2);
            } else if (word.equals("-" + FLAG) && i + 1 < arguments.size()) {
                name = arguments.get(i + 1);
            }
        }
        return name.isEmpty() ? Optional.empty() : Optional.of(Path.of(name));
    }

    /**
     * The environment with the file's settings beneath it.
     *
     * @throws InvalidOptionsException with every line that is not understood
     */
    static Map<String, String> beneath(
            Map<String, String> environment, Optional<Path> file, Options table, String program)
            throws InvalidOptionsException {
        if (file.isEmpty()) {
            return environment;
        }
        Path path = file.get();
        List<String> problems = new ArrayList<>();
        Map<String, String> merged = new HashMap<>();
        var known = table.rows().stream()
                .map(Option::variable)
                .flatMap(Optional::stream)
                .collect(Collectors.toSet());
        try {
            int number = 0;
            for (String line : read(path).lines().toList()) {
                number++;
                String text = line.strip();
                int equals = text.indexOf('=');
                if (text.isEmpty() || text.startsWith("#")) {
                    continue;
                }
                String name = equals < 0 ? "" : text.substring(0, equals).strip();
                if (equals < 0) {
                    problems.add("-config: line " + number + " of " + path + " is not VARIABLE=value");
                } else if (!known.contains(name)) {
                    problems.add("-config: line " + number + " of " + path + " names " + name
                            + ", which is no variable of any option; -help lists them");
                } else if (merged.put(name, text.substring(equals + 1).strip()) != null) {
                    problems.add("-config: line " + number + " of " + path + " sets " + name + " a second time");
                }
            }
        } catch (IOException e) {
            problems.add("-config: " + path + " cannot be read: " + e);
        }
        if (!problems.isEmpty()) {
            throw new InvalidOptionsException(program, problems);
        }
        environment.forEach((name, value) -> {
            if (!value.isEmpty()) {
                merged.put(name, value);
            }
        });
        return merged;
    }

    private static String read(Path path) throws IOException {
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new IOException("it is longer than " + MAX_BYTES + " bytes");
            }
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }
}
