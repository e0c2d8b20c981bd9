// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The namespaces that the system tests run in are really their own. */
class WorldTest {

    @Test
    void theTestsRunApartFromTheMachine() throws Exception {
        World.require();
        List<String> links;
        try (var names = Files.list(Path.of("/proc/self/net/dev_snmp6"))) {
            links = names.map(path -> path.getFileName().toString()).toList();
        }
        assertThat(links)
                .as("links of the private network namespace")
                .doesNotContain("docker0")
                .hasSizeLessThan(40);
        assertThat(Files.readString(Path.of("/proc/self/mountinfo")))
                .contains(" /run ")
                .contains("peerpod-world");
    }
}
