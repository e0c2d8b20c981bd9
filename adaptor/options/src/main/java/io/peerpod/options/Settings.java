// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The resolved values of an {@link Options} table. */
public final class Settings {
    private final Map<Option<?>, Resolved> values;
    private final List<String> arguments;

    Settings(Map<Option<?>, Resolved> values, List<String> arguments) {
        this.values = Map.copyOf(values);
        this.arguments = List.copyOf(arguments);
    }

    /**
     * What one row came to.
     *
     * @param value null if nothing was given and there is no default
     * @param text as written; null as for value
     * @param origin who gave it
     */
    record Resolved(@Nullable Object value, @Nullable String text, String origin) {}

    /**
     * The value of a row that has a default or is required.
     *
     * @throws IllegalStateException if it has neither and was not given: such a row is asked with {@link #find}
     * @throws IllegalArgumentException if the row is not of this table
     */
    public <T> T get(Option<T> option) {
        return find(option)
                .orElseThrow(() -> new IllegalStateException("-" + option.flag()
                        + " has no default and was not given; the program must ask for it with find"));
    }

    /**
     * The value of a row, empty if it was not given and has no default.
     *
     * @throws IllegalArgumentException if the row is not of this table
     */
    @SuppressWarnings("unchecked") // the parser of the same row made it
    public <T> Optional<T> find(Option<T> option) {
        return (Optional<T>) Optional.ofNullable(resolved(option).value());
    }

    /** Who gave the value: {@code flag -x}, {@code variable X}, {@code flag -x after variable X}, {@code default} or {@code not set}. */
    public String origin(Option<?> option) {
        return resolved(option).origin();
    }

    /** Whether the row came to another text than in other settings of the same table. */
    public boolean differs(Option<?> option, Settings other) {
        return !Objects.equals(resolved(option).text(), other.resolved(option).text());
    }

    /** The arguments that are no flags, if the table {@linkplain Options#acceptArguments accepts} any. */
    public List<String> arguments() {
        return arguments;
    }

    /** The value as text, {@code ***} for a secret; empty if there is none. */
    String shown(Option<?> option) {
        String text = resolved(option).text();
        return text == null ? "" : Shown.value(option, text);
    }

    private Resolved resolved(Option<?> option) {
        Resolved resolved = values.get(option);
        if (resolved == null) {
            throw new IllegalArgumentException("-" + option.flag() + " is not an option of this table");
        }
        return resolved;
    }
}
