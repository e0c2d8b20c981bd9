// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import io.peerpod.options.Settings.Resolved;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The table of a program's options, in the order in which its rows were added.
 *
 * <p>A value comes from the flag, else from the environment variable, else from the default; an empty variable counts as not set.
 * Flags are written as for Go's flag package: {@code -x v}, {@code --x v}, {@code -x=v}, a switch as {@code -x} or
 * {@code -x=false}; {@code --} ends them. A row without a default is absent when nothing gives it a value, and an empty flag
 * ({@code -x=}) makes it absent even if its variable is set.
 *
 * <p>Where the Go reference drops a bad value silently, this table refuses it (adaptor.md 1.1). Not safe for use by several threads
 * while rows are added.
 */
public final class Options {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

    private final String program;
    private final List<Option<?>> rows = new ArrayList<>();
    private @Nullable String argumentsHelp;

    /**
     * Starts an empty table.
     *
     * @param program as the user types it, such as {@code cloud-api-adaptor local}
     */
    public Options(String program) {
        this.program = program;
    }

    /**
     * Adds a row.
     *
     * @param flag name without dashes
     * @param variable environment variable, null for none
     * @param parser reads both
     * @param defaultText null if the option may be absent, see {@link Settings#find}
     * @param help one sentence, with the unit
     * @throws IllegalArgumentException if the flag exists already or the default is not accepted by the parser
     */
    public <T> Option<T> add(
            String flag, @Nullable String variable, Parser<T> parser, @Nullable String defaultText, String help) {
        if (defaultText != null) {
            parser.parse(defaultText);
        }
        return add(new Option<>(flag, variable, parser, parser, defaultText, help, false));
    }

    /**
     * Adds a switch.
     *
     * @param flag name without dashes
     * @param variable environment variable, null for none
     * @param defaultValue without flag and variable
     * @param help one sentence
     * @throws IllegalArgumentException if the flag exists already
     */
    public Option<Boolean> addSwitch(String flag, @Nullable String variable, boolean defaultValue, String help) {
        return add(new Option<>(
                flag,
                variable,
                Parsers.flagBoolean(),
                Parsers.variableBoolean(),
                String.valueOf(defaultValue),
                help,
                true));
    }

    private <T> Option<T> add(Option<T> row) {
        if (rows.stream().anyMatch(known -> known.isNamed(checkedName(row.flag())))) {
            throw new IllegalArgumentException("flag -" + row.flag() + " is in the table already");
        }
        rows.add(row);
        return row;
    }

    /**
     * Accepts arguments that are no flags; without this call they are problems.
     *
     * @param description for the usage line, such as {@code [sandbox]}
     */
    public Options acceptArguments(String description) {
        argumentsHelp = description;
        return this;
    }

    /** The rows in order. */
    public List<Option<?>> rows() {
        return List.copyOf(rows);
    }

    /**
     * Resolves every row.
     *
     * @param arguments without the program's name
     * @param environment usually {@link System#getenv()}
     * @throws InvalidOptionsException with all problems at once
     * @throws HelpRequestedException if help was asked for; then nothing else is looked at
     */
    public Settings resolve(List<String> arguments, Map<String, String> environment)
            throws InvalidOptionsException, HelpRequestedException {
        ArgumentScan scan = new ArgumentScan(rows, argumentsHelp != null, arguments);
        if (scan.helpRequested()) {
            throw new HelpRequestedException(help());
        }
        List<String> problems = new ArrayList<>(scan.problems());
        Map<Option<?>, Resolved> values = new LinkedHashMap<>();
        for (Option<?> row : rows) {
            values.put(row, resolve(row, scan.uses(row), environment, problems));
        }
        if (!problems.isEmpty()) {
            throw new InvalidOptionsException(program, problems);
        }
        return new Settings(values, scan.arguments());
    }

    private static Resolved resolve(
            Option<?> row, List<String> uses, Map<String, String> environment, List<String> problems) {
        String variable = row.variable().map(environment::get).orElse("");
        boolean optional = row.defaultText().isEmpty();
        if (!uses.isEmpty()) {
            boolean joined = row.isAppending() && !variable.isEmpty();
            String text = row.isAppending() ? String.join(",", uses) : uses.getLast();
            String origin = "flag -" + row.flag()
                    + (joined ? " after variable " + row.variable().orElseThrow() : "");
            if (!(optional && text.isEmpty() && !joined)) {
                return parse(row, row.parser(), joined ? variable + "," + text : text, origin, problems);
            }
        } else if (!variable.isEmpty()) {
            String origin = "variable " + row.variable().orElseThrow();
            return parse(row, row.variableParser(), variable, origin, problems);
        } else if (!optional) {
            return parse(row, row.parser(), row.defaultText().orElseThrow(), "default", problems);
        }
        if (row.isRequired()) {
            problems.add(row.title() + " is required and not set; accepted is "
                    + row.parser().accepted());
        }
        return new Resolved(null, null, "not set");
    }

    private static Resolved parse(Option<?> row, Parser<?> parser, String text, String origin, List<String> problems) {
        try {
            return new Resolved(parser.parse(text), text, origin);
        } catch (IllegalArgumentException e) {
            String accepted = e.getMessage() == null ? parser.accepted() : e.getMessage();
            String key = origin.startsWith("flag") ? origin : "-" + row.flag() + " from " + origin;
            problems.add(key + ": '" + Shown.value(row, text) + "' is not accepted; accepted is "
                    + Shown.explanation(row, text, accepted));
            return new Resolved(null, text, origin);
        }
    }

    /** The text for {@code -help}. */
    public String help() {
        return OptionsText.help(program, rows, argumentsHelp);
    }

    /** The table for {@code docs/configuration.md}, without a heading. */
    public String markdown() {
        return OptionsText.markdown(rows);
    }

    /** Every row with its value and origin, one a line, secrets masked: what a daemon prints at start. */
    public String effective(Settings settings) {
        return OptionsText.effective(rows, settings);
    }

    static String checkedName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "'" + name + "' is not a flag name; accepted are letters, digits, dots, hyphens and underscores");
        }
        return name;
    }
}
