// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command line as a process (adaptor.md 1.1): what goes where, and the exit code. */
@Timeout(120)
class MainIT {
    @TempDir
    Path folder = Path.of("");

    private record Outcome(int code, String out, String err) {}

    private Outcome run(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xmx128m",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        command.addAll(List.of(arguments));
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        try {
            process.getOutputStream().close();
            int code = process.waitFor();
            return new Outcome(code, Files.readString(out, UTF_8), Files.readString(err, UTF_8));
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void helpAndVersionEndWithZero() throws Exception {
        Outcome help = run("help");
        assertThat(help.code()).isZero();
        assertThat(help.out()).contains("usage: cloud-api-adaptor <provider> [flags]", "providers: ");
        assertThat(help.err()).isEmpty();
        Outcome version = run("version");
        assertThat(version.code()).isZero();
        assertThat(version.out()).startsWith("cloud-api-adaptor version ");
    }

    @Test
    void withoutAKnownProviderTheUsageIsToldAndTheExitCodeIsOne() throws Exception {
        for (List<String> arguments : List.of(List.<String>of(), List.of(""), List.of("-socket", "/x"))) {
            Outcome outcome = run(arguments.toArray(new String[0]));
            assertThat(outcome.code()).as("%s", arguments).isEqualTo(1);
            assertThat(outcome.err()).startsWith("usage: ");
            assertThat(outcome.out()).isEmpty();
        }
        Outcome unknown = run("nimbus", "-socket", "/x");
        assertThat(unknown.code()).isEqualTo(1);
        assertThat(unknown.err()).contains("there is no provider 'nimbus'", "usage: ");
    }
}
