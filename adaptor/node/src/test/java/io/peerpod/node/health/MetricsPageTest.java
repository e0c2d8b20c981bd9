// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.health;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** {@code docs/metrics.md} says what there is; {@code -Dgolden=update} writes it anew. */
class MetricsPageTest {
    private static final Path PAGE = Path.of("..", "..", "docs", "metrics.md");

    private static final String HEAD = """
            # Metrics

            `http://127.0.0.1:8000/metrics` (`-probe-port`), in Prometheus' text format 0.0.4. The table is made from the code and checked in the build
            (`MetricsPageTest`, `-Dgolden=update`). No label holds a pod's or a VM's name, so that the number of series stays small.

            """;

    @Test
    void thePageSaysWhatThereIs() throws Exception {
        String page = HEAD + new Metrics().markdown();
        if ("update".equals(System.getProperty("golden"))) {
            Files.writeString(PAGE, page);
        }
        assertThat(PAGE).hasContent(page);
    }

    @Test
    void namesCarryTheirUnitAndLabelsAreWordsOfOurs() {
        assertThat(new Metrics().text().lines().filter(line -> line.startsWith("# TYPE")))
                .allMatch(line -> line.matches("# TYPE (peerpod|process)_[a-z_]+ (counter|gauge|histogram)"))
                .allMatch(line -> !line.endsWith("counter") || line.contains("_total "))
                .allMatch(line -> !line.endsWith("histogram") || line.contains("_seconds "));
    }
}
