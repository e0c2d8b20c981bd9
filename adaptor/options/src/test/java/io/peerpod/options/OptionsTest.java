// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class OptionsTest {
    private final Options options = new Options("adaptor local");
    private final Option<Path> socket =
            options.add("socket", "ENDPOINT", Parsers.path(), "/run/x.sock", "socket to listen on");
    private final Option<Integer> port =
            options.add("forwarder-port", "FORWARDER_PORT", Parsers.port(), "15150", "TCP port");
    private final Option<Duration> timeout =
            options.add("proxy-timeout", "PROXY_TIMEOUT", Parsers.duration(), "5m", "budget");
    private final Option<Boolean> verify = options.addSwitch("verify", "VERIFY", true, "whether to look");
    private final Option<String> key = options.add("key", "API_KEY", Parsers.string(), null, "key of the cloud")
            .secret();
    private final Option<List<String>> subnets = options.add(
                    "subnets", "SUBNETS", Parsers.list(Parsers.cidr()), "", "extra routes | more")
            .appending();

    @Test
    void flagWinsOverVariableAndVariableOverDefault() throws Exception {
        Settings settings = resolve(Map.of("ENDPOINT", "/env", "FORWARDER_PORT", "1"), "-socket", "/flag");
        assertThat(settings.get(socket)).isEqualTo(Path.of("/flag"));
        assertThat(settings.origin(socket)).isEqualTo("flag -socket");
        assertThat(settings.get(port)).isEqualTo(1);
        assertThat(settings.origin(port)).isEqualTo("variable FORWARDER_PORT");
        assertThat(settings.get(timeout)).isEqualTo(Duration.ofMinutes(5));
        assertThat(settings.origin(timeout)).isEqualTo("default");
        assertThat(settings.find(key)).isEmpty();
        assertThat(settings.origin(key)).isEqualTo("not set");
    }

    @Test
    void everyFormOfGosSyntaxIsRead() throws Exception {
        Settings settings = resolve(
                Map.of(),
                "-socket",
                "/a=b",
                "--forwarder-port",
                "7",
                "--proxy-timeout=1h2m3.5s",
                "-verify=F",
                "-key=",
                "--");
        assertThat(settings.get(socket)).isEqualTo(Path.of("/a=b"));
        assertThat(settings.get(port)).isEqualTo(7);
        assertThat(settings.get(timeout)).isEqualTo(Duration.parse("PT1H2M3.5S"));
        assertThat(settings.get(verify)).isFalse();
        assertThat(resolve(Map.of("VERIFY", "0"), "-verify").get(verify)).isTrue();
        assertThat(resolve(Map.of(), "-forwarder-port=1", "-forwarder-port=2").get(port))
                .isEqualTo(2);
        assertThat(resolve(Map.of(), "-key", "-verify").get(key)).isEqualTo("-verify");
    }

    @Test
    void anEmptyVariableIsNotSetAndAnEmptyFlagUnsets() throws Exception {
        assertThat(resolve(Map.of("FORWARDER_PORT", "")).get(port)).isEqualTo(15150);
        assertThat(resolve(Map.of("API_KEY", "k"), "-key=").find(key)).isEmpty();
        assertProblems(Map.of(), List.of("-forwarder-port="), "flag -forwarder-port: '' is not accepted");
    }

    @Test
    void listsThatAddUpTakeTheVariableFirst() throws Exception {
        Settings settings =
                resolve(Map.of("SUBNETS", "10.0.0.0/8, ,"), "-subnets", "fd00::/64", "-subnets=10.1.0.0/16");
        assertThat(settings.get(subnets)).containsExactly("10.0.0.0/8", "fd00::/64", "10.1.0.0/16");
        assertThat(settings.origin(subnets)).isEqualTo("flag -subnets after variable SUBNETS");
        assertThat(resolve(Map.of()).get(subnets)).isEmpty();
    }

    @Test
    void allProblemsAreReportedTogether() {
        assertProblems(
                Map.of("FORWARDER_PORT", "10abc", "PROXY_TIMEOUT", "5", "VERIFY", "yes", "SUBNETS", "10.0.0.0"),
                List.of("-sokcet", "/a", "true", "-socket=\u0000", "-zzz=1", "---x", "-", "-key"),
                "flag -sokcet is not known; did you mean -socket?",
                "argument 'true' is not expected; flags start with a dash",
                "flag -zzz is not known; -help lists the flags",
                "argument '---x' is not a flag",
                "argument '-' is not expected",
                "flag -key has no value; accepted is a text",
                "flag -socket: '\\u0000' is not accepted; accepted is a path",
                "-forwarder-port from variable FORWARDER_PORT: '10abc' is not accepted; accepted is a port from 1 to 65535",
                "-proxy-timeout from variable PROXY_TIMEOUT: '5' is not accepted; accepted is a duration such as 90s",
                "-verify from variable VERIFY: 'yes' is not accepted; accepted is true or false (or 1, t, 0, f, in any case)",
                "-subnets from variable SUBNETS: '10.0.0.0' is not accepted; accepted is a comma-separated list");
    }

    @Test
    void aVariablesSpellingIsANearName() {
        assertProblems(Map.of(), List.of("-FORWARDER_PORT=1"), "did you mean -forwarder-port?");
        assertProblems(Map.of(), List.of("-" + "x".repeat(10_000)), "characters) is not known; -help lists the flags");
    }

    @Test
    void aSwitchWithItsValueBehindIsExplained() {
        assertProblems(Map.of(), List.of("-verify", "false"), "written -verify=true or -verify=false");
        assertProblems(Map.of(), List.of("-verify=yes"), "accepted is true or false (or 1, t, T, TRUE, True, 0,");
    }

    @Test
    void aMissingValueThatIsRequiredIsAProblem() {
        options.add("image", "IMAGE", Parsers.nonBlank(), null, "image").required();
        assertProblems(Map.of(), List.of(), "-image (variable IMAGE) is required and not set; accepted is a text");
        assertProblems(Map.of("IMAGE", "x"), List.of("-image="), "-image (variable IMAGE) is required and not set");
        assertProblems(Map.of("IMAGE", " "), List.of(), "-image from variable IMAGE: ' ' is not accepted");
    }

    @Test
    void secretsAreMaskedEverywhere() throws Exception {
        options.add(
                        "pin",
                        "PIN",
                        Parsers.of("digits", text -> {
                            throw new IllegalArgumentException("bad " + text);
                        }),
                        null,
                        "pin")
                .secret();
        options.add(
                        "careless",
                        null,
                        (Parser<String>) text -> {
                            throw new IllegalArgumentException("not '" + text + "'");
                        },
                        null,
                        "x")
                .secret();
        assertProblems(
                Map.of("PIN", "4711"),
                List.of("-careless=hush"),
                "-pin from variable PIN: '***' is not accepted; accepted is digits",
                "flag -careless: '***' is not accepted; accepted is not '***'");
        assertThat(options.effective(resolve(Map.of("API_KEY", "s3cret"))))
                .contains("key            = ***  [variable API_KEY]")
                .doesNotContain("s3cret");
    }

    @Test
    void theEffectiveTableShowsEveryRowOnALine() throws Exception {
        assertThat(options.effective(resolve(Map.of("ENDPOINT", "/a\nb")))).isEqualTo("""
                        socket         = /a\\nb  [variable ENDPOINT]
                        forwarder-port = 15150  [default]
                        proxy-timeout  = 5m  [default]
                        verify         = true  [default]
                        key            =   [not set]
                        subnets        =   [default]
                        """);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-h", "--h", "-help", "--help"})
    void helpIsRaisedBeforeAnyProblem(String flag) {
        assertThatThrownBy(() -> resolve(Map.of("VERIFY", "yes"), "-zzz=1", flag))
                .isInstanceOf(HelpRequestedException.class)
                .hasMessageContaining("Usage: adaptor local [flags]")
                .hasMessageContaining("""
                          -forwarder-port VALUE
                                TCP port
                                (variable FORWARDER_PORT; default 15150)
                        """)
                .hasMessageContaining("  -verify\n");
    }

    @Test
    void theDocumentationIsATable() {
        assertThat(options.markdown())
                .startsWith("""
                        | flag | variable | default | meaning |
                        |---|---|---|---|
                        | `-socket` | `ENDPOINT` | `/run/x.sock` | socket to listen on |
                        """)
                .contains("| `-key` | `API_KEY` | none | key of the cloud (secret) |\n")
                .contains("| extra routes \\| more (flag and variable add up) |\n");
    }

    @Test
    void argumentsAreKeptWhereTheyAreAccepted() throws Exception {
        options.acceptArguments("[sandbox]");
        Settings settings = resolve(Map.of(), "a", "-verify", "b", "--", "-c", "--");
        assertThat(settings.arguments()).containsExactly("a", "b", "-c", "--");
        assertThat(options.help()).contains("[flags] [sandbox]");
    }

    @Test
    void aliasesAreTheSameRow() throws Exception {
        Option<Integer> seconds = options.add("fetch-timeout", null, Parsers.integer(1, 600), "180", "seconds")
                .alias("t");
        assertThat(resolve(Map.of(), "-t", "7").get(seconds)).isEqualTo(7);
        assertThat(options.help()).contains("-fetch-timeout, -t VALUE");
        assertThat(options.markdown()).contains("| `-fetch-timeout`, `-t` | none |");
    }

    @Test
    void mistakesInTheProgramAreFoundWhenTheTableIsMade() throws Exception {
        assertThatThrownBy(() -> options.addSwitch("socket", null, false, "x"))
                .hasMessageContaining("in the table already");
        assertThatThrownBy(() -> options.add("p", null, Parsers.port(), "0", "x"))
                .hasMessageContaining("a port from 1");
        assertThatThrownBy(() -> options.addSwitch("-x", null, false, "x")).hasMessageContaining("not a flag name");
        Settings settings = resolve(Map.of());
        assertThatThrownBy(() -> settings.get(key)).isInstanceOf(IllegalStateException.class);
        Option<Boolean> other = new Options("other").addSwitch("x", null, false, "x");
        assertThatThrownBy(() -> settings.get(other)).isInstanceOf(IllegalArgumentException.class);
    }

    /** A value that a test gives must differ from the default, or the test would pass without the option being read at all. */
    @Test
    void everyRowTakesAValueThatIsNotItsDefault() throws Exception {
        Map<String, String> values = Map.of(
                "socket",
                "/other",
                "forwarder-port",
                "1",
                "proxy-timeout",
                "1s",
                "verify",
                "false",
                "key",
                "k",
                "subnets",
                "10.0.0.0/8");
        Settings standard = resolve(Map.of());
        for (Option<?> row : options.rows()) {
            String text = values.getOrDefault(row.flag(), "");
            Settings byFlag = resolve(Map.of(), "-" + row.flag() + "=" + text);
            Settings byVariable = resolve(Map.of(row.variable().orElseThrow(), text));
            assertThat(byFlag.find(row)).isEqualTo(byVariable.find(row)).isNotEqualTo(standard.find(row));
        }
    }

    private Settings resolve(Map<String, String> environment, String... arguments)
            throws InvalidOptionsException, HelpRequestedException {
        return options.resolve(List.of(arguments), environment);
    }

    private void assertProblems(Map<String, String> environment, List<String> arguments, String... problems) {
        assertThatThrownBy(() -> options.resolve(arguments, environment))
                .isInstanceOfSatisfying(InvalidOptionsException.class, e -> {
                    assertThat(e.problems()).as(e.getMessage()).hasSameSizeAs(problems);
                    for (int i = 0; i < problems.length; i++) {
                        assertThat(e.problems().get(i)).contains(problems[i]);
                    }
                    assertThat(e.getMessage()).startsWith("adaptor local: ");
                });
    }
}
