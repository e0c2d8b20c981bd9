// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Results as JSON objects of one line each. */
final class JsonLines {
    private JsonLines() {}

    /** A result under its label, {@code floor} or {@code relay}. */
    static String of(String label, LoadResult result) {
        return object(fields(label, result));
    }

    /** The fields of a result, to which more may be added. */
    static Map<String, Object> fields(String label, LoadResult result) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("case", result.load().name());
        fields.put("label", label);
        fields.put("callers", result.load().callers());
        fields.put("seconds", result.took().toNanos() / 1e9);
        fields.put("calls", result.latencies().total());
        fields.put("errors", result.errors());
        fields.put("req_s", result.requestsPerSecond());
        fields.put("mb_s", result.megabytesPerSecond());
        fields.put("p50_us", result.micros(0.5));
        fields.put("p90_us", result.micros(0.9));
        fields.put("p99_us", result.micros(0.99));
        fields.put("max_us", result.latencies().max() / 1e3);
        return fields;
    }

    /** One object; values are numbers, texts or objects of the same kind. */
    static String object(Map<?, ?> fields) {
        return fields.entrySet().stream()
                .map(field -> quoted(String.valueOf(field.getKey())) + ":" + value(field.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static String value(Object value) {
        return switch (value) {
            case Double number -> String.format(Locale.ROOT, "%.2f", number);
            case Number number -> number.toString();
            case Boolean truth -> truth.toString();
            case Map<?, ?> object -> object(object);
            default -> quoted(value.toString());
        };
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
