// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One row of the table. Made by {@link Options#add} and {@link Options#addSwitch}; the methods that refine it answer the row itself.
 *
 * @param <T> type of the value
 */
public final class Option<T> {
    private final String flag;
    private final @Nullable String variable;
    private final Parser<T> parser;
    private final Parser<T> variableParser;
    private final @Nullable String defaultText;
    private final String help;
    private final boolean isSwitch;
    private final List<String> aliases = new ArrayList<>();
    private boolean secret;
    private boolean required;
    private boolean appending;

    Option(
            String flag,
            @Nullable String variable,
            Parser<T> parser,
            Parser<T> variableParser,
            @Nullable String defaultText,
            String help,
            boolean isSwitch) {
        this.flag = flag;
        this.variable = variable;
        this.parser = parser;
        this.variableParser = variableParser;
        this.defaultText = defaultText;
        this.help = help;
        this.isSwitch = isSwitch;
    }

    /** Shows the value as {@code ***} wherever it would be printed. */
    public Option<T> secret() {
        secret = true;
        return this;
    }

    /** Makes it a problem when neither flag nor variable gives a value and there is no default. */
    public Option<T> required() {
        required = true;
        return this;
    }

    /**
     * Joins the variable's value and every use of the flag with commas, in this order, instead of letting the last one win. For
     * {@link Parsers#list lists}.
     */
    public Option<T> appending() {
        appending = true;
        return this;
    }

    /** Accepts a further flag name, such as {@code t} beside {@code timeout}. */
    public Option<T> alias(String name) {
        aliases.add(Options.checkedName(name));
        return this;
    }

    /** The flag's name, without dashes. */
    public String flag() {
        return flag;
    }

    /** The environment variable, if the row has one. */
    public Optional<String> variable() {
        return Optional.ofNullable(variable);
    }

    /** The default as one would write it, if there is one. */
    public Optional<String> defaultText() {
        return Optional.ofNullable(defaultText);
    }

    /** What the option is for. */
    public String help() {
        return help;
    }

    /** Whether the value is masked. */
    public boolean isSecret() {
        return secret;
    }

    /** Whether a value must be given. */
    public boolean isRequired() {
        return required;
    }

    /** Whether the flag stands alone for {@code true}. */
    public boolean isSwitch() {
        return isSwitch;
    }

    boolean isAppending() {
        return appending;
    }

    List<String> aliases() {
        return aliases;
    }

    Parser<T> parser() {
        return parser;
    }

    /** Reads a variable's text; differs from {@link #parser} for switches only. */
    Parser<T> variableParser() {
        return variableParser;
    }

    boolean isNamed(String name) {
        return flag.equals(name) || aliases.contains(name);
    }

    /** How messages call the row: flag and, where there is one, variable. */
    String title() {
        return variable == null ? "-" + flag : "-" + flag + " (variable " + variable + ")";
    }

    @Override
    public String toString() {
        return "-" + flag;
    }
}
