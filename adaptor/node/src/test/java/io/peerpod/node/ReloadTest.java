// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.node.health.Metrics;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Options;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReloadTest {
    @TempDir
    private Path folder;

    private Path file = Path.of("");
    private final List<NodeConfig> taken = new ArrayList<>();
    private final Metrics metrics = new Metrics();

    @BeforeEach
    void nameFile() {
        file = folder.resolve("peerpod.conf");
    }

    private Reload reload(Map<String, String> environment, String... flags) throws Exception {
        Options table = new Options("daemon");
        NodeOptions options = NodeOptions.declare(table, "here");
        List<String> arguments = new ArrayList<>(List.of(flags));
        arguments.add("-config=" + file);
        Reload.Source source = new Reload.Source(
                "daemon",
                table,
                options,
                arguments,
                environment,
                config -> config.tls().problems(Clock.systemUTC().instant(), List.of()));
        Reload reload = new Reload(source, source.settings(), metrics);
        reload.onTaken(taken::add);
        return reload;
    }

    @Test
    void whatCanBeTakenIsTakenAndTheRestIsNamed() throws Exception {
        Files.writeString(file, "# limits\nPROXY_TIMEOUT=1m\n\nPEERPOD_LOG_LEVEL = info\n");
        Reload reload = reload(Map.of());
        Files.writeString(
                file, "PROXY_TIMEOUT=2m\nPEERPOD_LOG_LEVEL=debug\nVXLAN_PORT=9000\nPEERPOD_CLOUD_CREATES=3\n");
        reload.run("test");
        assertThat(taken).hasSize(1);
        assertThat(taken.getFirst().limits().connectBudget()).isEqualTo(Duration.ofMinutes(2));
        assertThat(taken.getFirst().limits().cloudCreates()).isEqualTo(3);
        assertThat(reload.report())
                .contains(
                        "taken, for what begins from now on: -proxy-timeout, -cloud-creates, -log-level\n",
                        "at the next start only: -vxlan-port\n");
        reload.run("test");
        assertThat(reload.report()).contains("from now on: nothing\n", "at the next start only: -vxlan-port\n");
        assertThat(metrics.text()).contains("peerpod_reloads_total{outcome=\"taken\"} 2\n");
    }

    @Test
    void anythingWrongRefusesAllOfItWithEveryProblem() throws Exception {
        Files.writeString(file, "PROXY_TIMEOUT=1m\n");
        Reload reload = reload(Map.of());
        Files.writeString(file, "PROXY_TIMEOUT=2m\nPEERPOD_CLOUD_CREATES=many\nINITDATA=%%%\n");
        reload.run("test");
        assertThat(taken).isEmpty();
        assertThat(reload.report())
                .contains("refused; the settings from before stay", "-cloud-creates", "'many'", "-initdata")
                .doesNotContain("%%%");
        Files.writeString(file, "PROXY_TIMEOUT=2m\nCERT_FILE=/not/there\nCERT_KEY=/not/there/either\n");
        reload.run("test");
        assertThat(reload.report()).contains("refused", "-cert-file", "-cert-key");
        Files.delete(file);
        reload.run("test");
        assertThat(reload.report()).contains("refused", "cannot be read");
        assertThat(taken).isEmpty();
        assertThat(metrics.text()).contains("peerpod_reloads_total{outcome=\"refused\"} 3\n");
    }

    @Test
    void flagAndVariableWinOverTheFile() throws Exception {
        Files.writeString(file, "PROXY_TIMEOUT=1m\nPEERPOD_CLOUD_CREATES=5\nPEERPOD_CLOUD_DELETES=6\n");
        Reload reload = reload(Map.of("PEERPOD_CLOUD_CREATES", "7", "PEERPOD_CLOUD_DELETES", ""), "-proxy-timeout=3m");
        reload.run("test");
        assertThat(taken.getFirst().limits().connectBudget()).isEqualTo(Duration.ofMinutes(3));
        assertThat(taken.getFirst().limits().cloudCreates()).isEqualTo(7);
        assertThat(taken.getFirst().limits().cloudDeletes()).isEqualTo(6);
    }

    @Test
    void aFileThatIsNotUnderstoodIsRefusedLineByLine() throws Exception {
        Files.writeString(file, "PROXY_TIMEOUT 1m\nPROXY_TIMOUT=1m\nVXLAN_PORT=1\nVXLAN_PORT=2\n");
        assertThatThrownBy(() -> reload(Map.of()))
                .isInstanceOf(InvalidOptionsException.class)
                .hasMessageContaining("line 1")
                .hasMessageContaining("line 2")
                .hasMessageContaining("names PROXY_TIMOUT")
                .hasMessageContaining("line 4")
                .hasMessageContaining("a second time");
    }

    @Test
    void everyLiveFlagIsInTheTable() {
        Options table = new Options("daemon");
        NodeOptions.declare(table, "here");
        assertThat(table.rows().stream().map(row -> row.flag()).toList()).containsAll(Reload.LIVE);
    }
}
