// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.doubles.PrivateWorld;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The demo, as a new user sees it. */
class DemoIT {
    private static final int MINUTES = 3;

    @AfterEach
    void endWhatRuns() throws Exception {
        PrivateWorld.killTheRest();
    }

    @Test
    void twoPodsTalkAndNothingStaysBehind() throws Exception {
        World.require();
        List<String> command = new ArrayList<>(World.installation().command("peerpod-cli"));
        command.add("demo");
        Process demo = new ProcessBuilder(command).redirectErrorStream(true).start();
        demo.getOutputStream().close();
        String output = new String(demo.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(demo.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(demo.exitValue()).as(output).isZero();
        assertThat(output)
                .contains("nothing left behind")
                .contains("10.88.0.11 said: hello over IPv4")
                .contains("exit code 7");
    }
}
