// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code docs/configuration.md} is what the programs say of themselves; {@code -Dgolden=update} writes it anew. */
class ConfigurationPageIT {
    private static final Path PAGE = Path.of(System.getProperty("peerpod.root"), "docs", "configuration.md");

    private static final String HEAD = """
            # Configuration

            Generated from the programs' own help and checked in the build (`ConfigurationPageIT`, `-Dgolden=update`). A flag wins over its variable, a variable over
            the default; an empty variable counts as unset. Flags are written `-x value`, `--x value` or `-x=value`; switches stand alone or as `-x=false`.
            Values that cannot be read are refused at start, all of them at once, where the Go daemon falls back to the default in silence.

            Java's own options go into `PEERPOD_JAVA_OPTIONS`.
            """;

    @Test
    void thePageSaysWhatTheProgramsSay() throws Exception {
        String page = HEAD
                + section(
                        "cloud-api-adaptor",
                        "The node daemon, with the local cloud's rows at its end.",
                        "local",
                        "-help")
                + section("agent-protocol-forwarder", "The guest's half. It has no environment variables.", "-help")
                + section("process-user-data", "Provisions a guest from its user data.", "--help")
                + section("peerpod-relay", "The data plane on the node. The daemon starts it by itself.", "-help");
        if ("update".equals(System.getProperty("golden"))) {
            Files.writeString(PAGE, page);
        }
        assertThat(PAGE).hasContent(page);
    }

    private static String section(String program, String what, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(World.installation().command(program));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String help = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(help).isZero();
        String host = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        return "\n## " + program + "\n\n" + what + "\n\n```text\n"
                + help.replace("default " + host + ")", "default: this machine's name)")
                        .strip() + "\n```\n";
    }
}
