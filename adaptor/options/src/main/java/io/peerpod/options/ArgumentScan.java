// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads a command line in the syntax of Go's flag package (adaptor.md 1.1), but goes on after a problem, so that all of them are
 * found, and never drops what stands behind a stray argument.
 */
final class ArgumentScan {
    private final List<Option<?>> rows;
    private final boolean argumentsAccepted;
    private final Map<Option<?>, List<String>> uses = new LinkedHashMap<>();
    private final List<String> arguments = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();
    private boolean helpRequested;

    ArgumentScan(List<Option<?>> rows, boolean argumentsAccepted, List<String> words) {
        this.rows = rows;
        this.argumentsAccepted = argumentsAccepted;
        scan(words);
    }

    /** The texts given to a row, in order; empty if its flag was not used. */
    List<String> uses(Option<?> option) {
        return uses.getOrDefault(option, List.of());
    }

    List<String> arguments() {
        return arguments;
    }

    List<String> problems() {
        return problems;
    }

    boolean helpRequested() {
        return helpRequested;
    }

    private void scan(List<String> words) {
        Option<?> bareSwitch = null;
        int at = 0;
        while (at < words.size()) {
            String word = words.get(at++);
            if (word.equals("--")) {
                words.subList(at, words.size()).forEach(rest -> argument(rest, null));
                return;
            }
            if (word.length() < 2 || word.charAt(0) != '-') {
                argument(word, bareSwitch);
                bareSwitch = null;
                continue;
            }
            bareSwitch = null;
            String body = word.substring(word.startsWith("--") ? 2 : 1);
            int equals = body.indexOf('=');
            String name = equals < 0 ? body : body.substring(0, equals);
            String value = equals < 0 ? null : body.substring(equals + 1);
            if (name.isEmpty() || name.charAt(0) == '-') {
                problems.add("argument '" + Shown.line("-".repeat(word.length() - body.length()) + name)
                        + "' is not a flag; accepted are -name value, -name=value and the same with two dashes");
                continue;
            }
            Optional<Option<?>> row =
                    rows.stream().filter(option -> option.isNamed(name)).findFirst();
            if (row.isEmpty()) {
                at += unknown(name, value, at < words.size() ? words.get(at) : null);
            } else if (value != null) {
                use(row.get(), value);
            } else if (row.get().isSwitch()) {
                bareSwitch = row.get();
                use(bareSwitch, "true");
            } else if (at < words.size()) {
                use(row.get(), words.get(at++));
            } else {
                problems.add("flag -" + name + " has no value; accepted is "
                        + row.get().parser().accepted());
            }
        }
    }

    /** Answers how many of the following words belong to the unknown flag. */
    private int unknown(String name, @Nullable String value, @Nullable String next) {
        if (name.equals("h") || name.equals("help")) {
            helpRequested = true;
            return 0;
        }
        List<String> names = new ArrayList<>();
        rows.forEach(row -> {
            names.add(row.flag());
            names.addAll(row.aliases());
        });
        problems.add("flag -" + Shown.line(name) + " is not known; "
                + NearestName.of(name, names)
                        .map(near -> "did you mean -" + near + "?")
                        .orElse("-help lists the flags"));
        // Its value, perhaps a secret under a misspelt name, is not worth a second problem.
        return value == null && next != null && !next.startsWith("-") ? 1 : 0;
    }

    private void argument(String word, @Nullable Option<?> bareSwitch) {
        if (argumentsAccepted) {
            arguments.add(word);
        } else if (bareSwitch != null) {
            problems.add("argument '" + Shown.line(word) + "' is not expected; the value of a switch is written -"
                    + bareSwitch.flag() + "=true or -" + bareSwitch.flag() + "=false");
        } else {
            problems.add("argument '" + Shown.line(word) + "' is not expected; flags start with a dash");
        }
    }

    private void use(Option<?> row, String text) {
        uses.computeIfAbsent(row, _ -> new ArrayList<>()).add(text);
    }
}
