// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;

/** The usual parsers. None of them repeats the text in its exception. */
public final class Parsers {
    private static final Pattern WHOLE = Pattern.compile("-?(0|[1-9][0-9]{0,18})");
    private static final Pattern DECIMAL = Pattern.compile("-?[0-9]{1,18}(\\.[0-9]{1,18})?");
    private static final Set<String> GO_TRUE = Set.of("1", "t", "T", "true", "TRUE", "True");
    private static final Set<String> GO_FALSE = Set.of("0", "f", "F", "false", "FALSE", "False");

    private Parsers() {}

    /**
     * Makes a parser of a function.
     *
     * @param accepted what is accepted, for the message
     * @param read any {@link IllegalArgumentException} of it means that the text is not accepted
     */
    public static <T> Parser<T> of(String accepted, Function<String, T> read) {
        return new Parser<>() {
            @Override
            public T parse(String text) {
                try {
                    return read.apply(text);
                } catch (IllegalArgumentException e) {
                    throw new IllegalArgumentException(accepted, e);
                }
            }

            @Override
            public String accepted() {
                return accepted;
            }
        };
    }

    /** Any text, also none. */
    public static Parser<String> string() {
        return of("a text", Function.identity());
    }

    /** A text that is not blank; not trimmed. */
    public static Parser<String> nonBlank() {
        return of("a text that is not blank", text -> check(text, !text.isBlank()));
    }

    /** A decimal whole number, without leading zeros, within both bounds. */
    public static Parser<Integer> integer(int min, int max) {
        return of("a whole number from " + min + " to " + max, text -> (int) whole(text, min, max));
    }

    /** A decimal whole number, without leading zeros, within both bounds. */
    public static Parser<Long> longInteger(long min, long max) {
        return of("a whole number from " + min + " to " + max, text -> whole(text, min, max));
    }

    private static long whole(String text, long min, long max) {
        check(text, WHOLE.matcher(text).matches());
        long value = Long.parseLong(text);
        check(text, value >= min && value <= max);
        return value;
    }

    /** A decimal number such as {@code 0.5}, within both bounds. */
    public static Parser<Double> decimal(double min, double max) {
        return of("a number from " + min + " to " + max, text -> {
            check(text, DECIMAL.matcher(text).matches());
            double value = Double.parseDouble(text);
            check(text, value >= min && value <= max);
            return value;
        });
    }

    /** A TCP or UDP port, 1 to 65535. */
    public static Parser<Integer> port() {
        return of("a port from 1 to 65535", text -> (int) whole(text, 1, 65_535));
    }

    /** A path of a file or folder; not blank. */
    public static Parser<Path> path() {
        return of("a path", text -> {
            check(text, !text.isBlank());
            return Path.of(text);
        });
    }

    /** A path that starts with a slash. */
    public static Parser<Path> absolutePath() {
        return of("an absolute path", text -> {
            Path path = path().parse(text);
            check(text, path.isAbsolute());
            return path;
        });
    }

    /** A duration in Go's syntax, zero or more: {@code 90s}, {@code 5m}, {@code 1h2m3.5s}, {@code 300ms}, {@code 0}. */
    public static Parser<Duration> duration() {
        return of(GoDuration.ACCEPTED, GoDuration::parse);
    }

    /** As {@link #duration()}, within both bounds. */
    public static Parser<Duration> duration(Duration min, Duration max) {
        return of(GoDuration.ACCEPTED + " from " + min.toSeconds() + "s to " + max.toSeconds() + "s", text -> {
            Duration value = GoDuration.parse(text);
            check(text, value.compareTo(min) >= 0 && value.compareTo(max) <= 0);
            return value;
        });
    }

    /** Elements separated by commas, trimmed, empty ones left out; an empty text is the empty list. */
    public static <T> Parser<List<T>> list(Parser<T> element) {
        return of("a comma-separated list, each element " + element.accepted(), text -> {
            List<T> values = new ArrayList<>();
            for (String part : text.split(",", -1)) {
                if (!part.isBlank()) {
                    values.add(element.parse(part.strip()));
                }
            }
            return List.copyOf(values);
        });
    }

    /** One of the given texts, exactly. */
    public static Parser<String> oneOf(String... values) {
        Set<String> known = Set.of(values);
        return of("one of " + String.join(", ", values), text -> check(text, known.contains(text)));
    }

    /** One of the constants of an enumeration, by its name in lower case with hyphens. */
    public static <E extends Enum<E>> Parser<E> oneOf(Class<E> type) {
        List<String> names = new ArrayList<>();
        for (E constant : type.getEnumConstants()) {
            names.add(wireName(constant));
        }
        return of("one of " + String.join(", ", names), text -> {
            int index = names.indexOf(text);
            check(text, index >= 0);
            return type.getEnumConstants()[index];
        });
    }

    private static String wireName(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** An IPv4 or IPv6 address; never a name, so that nothing is resolved. */
    public static Parser<InetAddress> address() {
        return of("an IP address", InetAddress::ofLiteral);
    }

    /** A network such as {@code 10.0.0.0/8} or {@code fd00::/64}, as text; host bits are not looked at. */
    public static Parser<String> cidr() {
        return of("a network such as 10.0.0.0/8 or fd00::/64", text -> {
            int slash = text.indexOf('/');
            check(text, slash > 0);
            int bits = InetAddress.ofLiteral(text.substring(0, slash)).getAddress().length * 8;
            whole(text.substring(slash + 1), 0, bits);
            return text;
        });
    }

    /** Where to listen: {@code 0.0.0.0:15150}, {@code [::]:15150}, or {@code :15150} for every address. */
    public static Parser<InetSocketAddress> listenAddress() {
        return of("an address and port such as 0.0.0.0:15150 or [::]:15150", text -> {
            int colon = text.lastIndexOf(':');
            check(text, colon >= 0);
            int port = (int) whole(text.substring(colon + 1), 0, 65_535);
            String host = text.substring(0, colon);
            if (host.isEmpty()) {
                return new InetSocketAddress(port);
            }
            boolean bracketed = host.startsWith("[") && host.endsWith("]");
            check(text, bracketed || host.indexOf(':') < 0);
            return new InetSocketAddress(
                    InetAddress.ofLiteral(bracketed ? host.substring(1, host.length() - 1) : host), port);
        });
    }

    /** Go's literals for a boolean flag. */
    static Parser<Boolean> flagBoolean() {
        return of("true or false (or 1, t, T, TRUE, True, 0, f, F, FALSE, False)", text -> {
            check(text, GO_TRUE.contains(text) || GO_FALSE.contains(text));
            return GO_TRUE.contains(text);
        });
    }

    /** A variable's boolean in any case; what the reference would silently take for false, such as {@code yes}, is refused. */
    static Parser<Boolean> variableBoolean() {
        return of("true or false (or 1, t, 0, f, in any case)", text -> {
            String lower = text.toLowerCase(Locale.ROOT);
            check(text, GO_TRUE.contains(lower) || GO_FALSE.contains(lower));
            return GO_TRUE.contains(lower);
        });
    }

    private static String check(String text, boolean accepted) {
        if (!accepted) {
            throw new IllegalArgumentException();
        }
        return text;
    }
}
