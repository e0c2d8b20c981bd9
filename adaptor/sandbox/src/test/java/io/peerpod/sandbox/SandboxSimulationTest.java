// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.provider.LaunchToken;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Random schedules of a shim's calls and a cloud's lies, with a kill at an effect boundary. A failing schedule prints its seed, the
 * boundary and its story; {@code -Dsimulation.seed=S -Dsimulation.kill=K} replays it alone.
 */
class SandboxSimulationTest {
    private static final int SEEDS = 1_000;
    private static final int KILLS = 20;

    @Test
    void noScheduleLeaksOrForgetsAVmWhereverTheDaemonDies() {
        Integer seed = Integer.getInteger("simulation.seed");
        if (seed != null) {
            tell(seed, Integer.getInteger("simulation.kill", 0));
            return;
        }
        for (int s = 0; s < SEEDS; s++) {
            for (int kill = 0; kill < KILLS; kill++) {
                try {
                    schedule(s, kill, false);
                } catch (AssertionError | RuntimeException e) {
                    tell(s, kill);
                    throw e;
                }
            }
        }
    }

    private static void tell(int seed, int kill) {
        SimulatedDaemon daemon = null;
        try {
            daemon = schedule(seed, kill, true);
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError("seed " + seed + ", kill " + kill + ": " + e.getMessage(), e);
        }
        System.out.println(String.join("\n", daemon.story));
    }

    private static SimulatedDaemon schedule(int seed, int kill, boolean telling) {
        Random random = new Random(seed);
        SimulatedDaemon daemon = new SimulatedDaemon(random, new SimulatedCloud(random), kill, telling);
        try {
            int sandboxes = 1 + random.nextInt(2);
            for (int i = 0; i < sandboxes; i++) {
                shim(daemon, random, "s" + i);
            }
            daemon.run(60_000);
            daemon.behave();
            daemon.run(61_000);
            // Whoever is left is stopped: by its shim, or for lack of one.
            for (String id : daemon.known()) {
                daemon.at(1, id, new SandboxEvent.StopRequested());
            }
            daemon.run(3_600_000);
            assertThat(daemon.nothingLeft()).as("everything is gone in the end").isTrue();
            return daemon;
        } catch (AssertionError | RuntimeException e) {
            if (telling) {
                throw new AssertionError(String.join("\n", daemon.story), e);
            }
            throw e;
        }
    }

    private static void shim(SimulatedDaemon daemon, Random random, String id) {
        Sandbox sandbox = new Sandbox(new LaunchToken(id, "podvm-" + id), new Pod("default", id), new Samples.NoPlan());
        long time = random.nextInt(50);
        daemon.at(time, id, new SandboxEvent.CreateRequested(sandbox));
        time += random.nextInt(50);
        int starts = random.nextInt(3);
        for (int i = 0; i < starts; i++) {
            daemon.at(time, id, new SandboxEvent.StartRequested());
            time += random.nextInt(600);
        }
        int stops = random.nextInt(4);
        for (int i = 0; i < stops; i++) {
            daemon.at(time, id, new SandboxEvent.StopRequested());
            time += random.nextInt(3_000);
        }
    }
}
