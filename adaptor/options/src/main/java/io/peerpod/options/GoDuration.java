// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations as Go writes them: {@code 1h2m3.5s}, {@code 300ms}, {@code 0}; never negative here. */
final class GoDuration {
    static final String ACCEPTED = "a duration such as 90s, 5m, 1h30m or 300ms (units h, m, s, ms, us, ns)";

    private static final Pattern PART =
            Pattern.compile("([0-9]{1,19}(?:\\.[0-9]{0,30})?|\\.[0-9]{1,30})(ns|us|µs|μs|ms|s|m|h)");
    private static final Map<String, Long> NANOS = Map.of(
            "ns", 1L,
            "us", 1_000L,
            "\u00b5s", 1_000L,
            "\u03bcs", 1_000L,
            "ms", 1_000_000L,
            "s", 1_000_000_000L,
            "m", 60_000_000_000L,
            "h", 3_600_000_000_000L);

    /** Longest text that is looked at. */
    private static final int MAX_CHARACTERS = 128;

    private GoDuration() {}

    static Duration parse(String text) {
        String body = text.startsWith("+") ? text.substring(1) : text;
        if (body.equals("0")) {
            return Duration.ZERO;
        }
        if (body.isEmpty() || body.length() > MAX_CHARACTERS) {
            throw new IllegalArgumentException(ACCEPTED);
        }
        Matcher part = PART.matcher(body);
        BigDecimal total = BigDecimal.ZERO;
        int at = 0;
        while (at < body.length()) {
            if (!part.find(at) || part.start() != at) {
                throw new IllegalArgumentException(ACCEPTED);
            }
            BigDecimal nanos =
                    new BigDecimal(part.group(1)).multiply(BigDecimal.valueOf(NANOS.getOrDefault(part.group(2), 0L)));
            total = total.add(nanos.setScale(0, RoundingMode.DOWN));
            at = part.end();
        }
        if (total.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
            throw new IllegalArgumentException(ACCEPTED + " up to 292 years");
        }
        return Duration.ofNanos(total.longValueExact());
    }
}
