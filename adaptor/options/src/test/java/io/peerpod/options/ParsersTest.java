// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ParsersTest {

    @ParameterizedTest
    @CsvSource({
        "0, PT0S",
        "+0, PT0S",
        "0s, PT0S",
        "90s, PT1M30S",
        "5m, PT5M",
        "1.5h, PT1H30M",
        "1h2m3.5s, PT1H2M3.5S",
        "300ms, PT0.3S",
        ".5s, PT0.5S",
        "5.s, PT5S",
        "1us, PT0.000001S",
        "1\u00b5s, PT0.000001S",
        "1\u03bcs, PT0.000001S",
        "1ns, PT0.000000001S",
        "0.1ns, PT0S",
        "1s1s, PT2S",
        "2562047h47m16.854775807s, PT2562047H47M16.854775807S",
    })
    void durationsOfGoAreRead(String text, String iso) {
        assertThat(Parsers.duration().parse(text)).isEqualTo(Duration.parse(iso));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "5",
                "s",
                ".s",
                "-5m",
                "5 m",
                "5M",
                "5d",
                "1e3s",
                "1h-2m",
                "m5",
                "1,5s",
                "2562047h47m16.854775808s",
                "\u0665s",
                "99999999999999999999s",
                "1.1.1s"
            })
    void otherDurationsAreRefused(String text) {
        assertThatThrownBy(() -> Parsers.duration().parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a duration such as 90s");
    }

    @Test
    void aVeryLongDurationIsRefusedQuickly() {
        assertThatThrownBy(() -> Parsers.duration().parse("1h".repeat(1_000_000)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void durationsCanBeBounded() {
        Parser<Duration> parser = Parsers.duration(Duration.ofSeconds(1), Duration.ofMinutes(1));
        assertThat(parser.parse("1m")).isEqualTo(Duration.ofMinutes(1));
        assertThatThrownBy(() -> parser.parse("61s")).hasMessageContaining("from 1s to 60s");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "10abc", "+1", "01", "1.0", "0x10", "1_0", " 1", "-3", "11", "99999999999999999999", "\u0661"
            })
    void onlyPlainWholeNumbersWithinTheBoundsAreTaken(String text) {
        assertThatThrownBy(() -> Parsers.integer(-2, 10).parse(text)).hasMessage("a whole number from -2 to 10");
    }

    @Test
    void numbersAreRead() {
        assertThat(Parsers.integer(-2, 10).parse("-2")).isEqualTo(-2);
        assertThat(Parsers.longInteger(0, Long.MAX_VALUE).parse("9223372036854775807"))
                .isEqualTo(Long.MAX_VALUE);
        assertThat(Parsers.decimal(0, 2).parse("0.5")).isEqualTo(0.5);
        assertThatThrownBy(() -> Parsers.decimal(0, 2).parse("NaN")).hasMessage("a number from 0.0 to 2.0");
        assertThatThrownBy(() -> Parsers.decimal(0, 2).parse("2.01")).hasMessage("a number from 0.0 to 2.0");
        assertThatThrownBy(() -> Parsers.port().parse("0")).hasMessage("a port from 1 to 65535");
    }

    @ParameterizedTest
    @CsvSource({"0.0.0.0:15150, 0.0.0.0, 15150", "'[::1]:80', ::1, 80", "':0', 0.0.0.0, 0"})
    void listenAddressesAreRead(String text, String host, int port) {
        assertThat(Parsers.listenAddress().parse(text)).isEqualTo(new InetSocketAddress(host, port));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "80", "localhost:80", "::1:80", "[::1:80", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:80x"})
    void otherListenAddressesAreRefused(String text) {
        assertThatThrownBy(() -> Parsers.listenAddress().parse(text)).hasMessageContaining("an address and port");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "fd00::/129", "x/8", "10.0.0.0/8/8"
            })
    void otherNetworksAreRefused(String text) {
        assertThatThrownBy(() -> Parsers.cidr().parse(text)).hasMessageContaining("a network such as");
    }

    private enum Mode {
        FAIL_CLOSED,
        OPEN
    }

    @Test
    void choicesAreExact() {
        assertThat(Parsers.oneOf("a", "b").parse("b")).isEqualTo("b");
        assertThatThrownBy(() -> Parsers.oneOf("a", "b").parse("B")).hasMessage("one of a, b");
        assertThat(Parsers.oneOf(Mode.class).parse("fail-closed")).isEqualTo(Mode.FAIL_CLOSED);
        assertThatThrownBy(() -> Parsers.oneOf(Mode.class).parse("OPEN")).hasMessage("one of fail-closed, open");
    }

    @ParameterizedTest
    @CsvSource({"true, true", "TRUE, true", "tRuE, true", "1, true", "t, true", "F, false", "0, false", "fAlSe, false"})
    void aVariablesBooleanIsReadInAnyCase(String text, boolean value) {
        assertThat(Parsers.variableBoolean().parse(text)).isEqualTo(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "yes", "on", "2", "tr", " true"})
    void otherBooleansAreRefused(String text) {
        assertThatThrownBy(() -> Parsers.variableBoolean().parse(text)).hasMessageStartingWith("true or false");
        assertThatThrownBy(() -> Parsers.flagBoolean().parse(text)).hasMessageStartingWith("true or false");
        assertThatThrownBy(() -> Parsers.flagBoolean().parse("tRuE")).hasMessageStartingWith("true or false");
    }

    @Test
    void pathsAndAddressesAreRead() {
        assertThat(Parsers.absolutePath().parse("/a")).isEqualTo(Path.of("/a"));
        assertThatThrownBy(() -> Parsers.absolutePath().parse("a")).hasMessage("an absolute path");
        assertThatThrownBy(() -> Parsers.path().parse(" ")).hasMessage("a path");
        assertThat(Parsers.address().parse("fd00::1").getHostAddress()).startsWith("fd00:");
        assertThatThrownBy(() -> Parsers.address().parse("localhost")).hasMessage("an IP address");
    }

    @Test
    void theInstallationIsFoundByItsProperty() {
        assertThat(new Installation(Path.of("/opt/x/../peerpod")).command("peerpod-relay"))
                .containsExactly("/opt/peerpod/bin/peerpod-relay");
        assertThat(Installation.current())
                .isEqualTo(Optional.ofNullable(System.getProperty("peerpod.home"))
                        .map(home -> new Installation(Path.of(home))));
    }
}
