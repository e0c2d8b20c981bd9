// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Pods that log and take execs all the time, while everything below them on the node is killed and replaced. */
class UpgradesIT {
    private static final int PODS = Integer.getInteger("peerpod.traffic.pods", 8);
    private static final int AT_ONCE = 4;
    private static final int KILLS = 10;
    private static final int SURGES = 5;
    private static final int HAND_OVERS = 5;
    private static final Duration BETWEEN = Duration.ofMillis(300);

    private World world;

    @BeforeEach
    void makeWorld() throws Exception {
        world = World.start(Map.of());
    }

    @AfterEach
    void takeWorldAway() throws Exception {
        if (world != null) {
            world.close();
        }
    }

    @Test
    void noPodNoticesThatTheRelayIsReplacedFiveTimes() throws Exception {
        List<Traffic> pods = Traffic.start(world, PODS, AT_ONCE);
        for (int i = 0; i < HAND_OVERS; i++) {
            world.replaceRelay();
            Thread.sleep(BETWEEN);
        }
        finish(pods, "the relay was replaced " + HAND_OVERS + " times");
    }

    @Test
    void noPodNoticesThatTheDaemonIsKilledTenTimesAndReplacedFiveTimes() throws Exception {
        List<Traffic> pods = Traffic.start(world, PODS, AT_ONCE);
        for (int i = 0; i < KILLS; i++) {
            world.killAndRestartNode();
            Thread.sleep(BETWEEN);
        }
        for (int i = 0; i < SURGES; i++) {
            world.replaceNode();
            Thread.sleep(BETWEEN);
        }
        finish(pods, "the daemon was killed " + KILLS + " times and replaced " + SURGES + " times");
    }

    private void finish(List<Traffic> pods, String what) throws Exception {
        assertThat(Traffic.end(pods, what)).isEmpty();
        Traffic.stop(pods);
        assertThat(world.sandboxesLeft()).isEmpty();
        assertThat(world.leftovers()).isEmpty();
    }
}
