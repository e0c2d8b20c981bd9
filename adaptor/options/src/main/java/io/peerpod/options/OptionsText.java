// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Renders a table for people. */
final class OptionsText {
    private OptionsText() {}

    static String help(String program, List<Option<?>> rows, @Nullable String argumentsHelp) {
        StringBuilder text = new StringBuilder("Usage: ").append(program).append(" [flags]");
        if (argumentsHelp != null) {
            text.append(' ').append(argumentsHelp);
        }
        text.append("\n\nFlags (-x value, --x value or -x=value; a flag wins over its variable):\n");
        for (Option<?> row : rows) {
            text.append("\n  -").append(row.flag());
            row.aliases().forEach(alias -> text.append(", -").append(alias));
            text.append(row.isSwitch() ? "" : " VALUE").append("\n        ");
            text.append(row.help()).append('\n');
            List<String> facts = facts(row);
            if (!facts.isEmpty()) {
                text.append("        (").append(String.join("; ", facts)).append(")\n");
            }
        }
        return text.toString();
    }

    private static List<String> facts(Option<?> row) {
        List<String> facts = new ArrayList<>();
        row.variable().ifPresent(variable -> facts.add("variable " + variable));
        row.defaultText()
                .filter(text -> !text.isEmpty())
                .ifPresent(text -> facts.add("default " + Shown.value(row, text)));
        if (row.isRequired()) {
            facts.add("required");
        }
        if (row.isAppending()) {
            facts.add("flag and variable add up");
        }
        return facts;
    }

    static String markdown(List<Option<?>> rows) {
        StringBuilder text = new StringBuilder("| flag | variable | default | meaning |\n|---|---|---|---|\n");
        for (Option<?> row : rows) {
            String standard =
                    row.defaultText().map(value -> Shown.value(row, value)).orElse("");
            List<String> notes = new ArrayList<>();
            if (row.isRequired()) {
                notes.add("required");
            }
            if (row.isSecret()) {
                notes.add("secret");
            }
            if (row.isAppending()) {
                notes.add("flag and variable add up");
            }
            String names = String.join(
                    ", ", row.aliases().stream().map(alias -> code("-" + alias)).toList());
            text.append("| ").append(code("-" + row.flag())).append(names.isEmpty() ? "" : ", " + names);
            text.append(" | ").append(row.variable().map(OptionsText::code).orElse("none"));
            text.append(" | ").append(standard.isEmpty() ? "none" : code(standard));
            text.append(" | ").append(cell(row.help()));
            text.append(notes.isEmpty() ? "" : " (" + String.join(", ", notes) + ")");
            text.append(" |\n");
        }
        return text.toString();
    }

    private static String code(String text) {
        return "`" + cell(text) + "`";
    }

    private static String cell(String text) {
        return text.replace("|", "\\|");
    }

    static String effective(List<Option<?>> rows, Settings settings) {
        int width = rows.stream().mapToInt(row -> row.flag().length()).max().orElse(0);
        StringBuilder text = new StringBuilder();
        for (Option<?> row : rows) {
            text.append(row.flag())
                    .append(" ".repeat(width - row.flag().length()))
                    .append(" = ");
            text.append(settings.shown(row))
                    .append("  [")
                    .append(settings.origin(row))
                    .append("]\n");
        }
        return text.toString();
    }
}
