// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.node.plan.SandboxRequest;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.LaunchToken;
import io.peerpod.sandbox.Pod;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.Trouble;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The shims of a schedule: their calls come at any time, repeated, at once, or not at all. */
final class Shims {
    static final Trouble TROUBLE = new Trouble("it did not work", Actor.US);
    private static final List<Sandbox> SANDBOXES = List.of(sandbox("s0"), sandbox("s1"), sandbox("s2"));

    private Shims() {}

    private static Sandbox sandbox(String id) {
        Pod pod = new Pod("default", id);
        SandboxRequest request = new SandboxRequest(
                id, pod, Path.of("/run/netns/" + id), Optional.empty(), Optional.empty(), 1, 512, 0, Optional.empty());
        PodNetwork network = new PodNetwork(
                List.of(IpPrefix.parse("10.42.3.17/24")),
                "3a:5c:11:9e:02:7f",
                "eth0",
                IpPrefix.parse("172.31.8.21/20"),
                "vxlan",
                List.of(),
                List.of(),
                1450,
                0,
                4789,
                555_000,
                false,
                false);
        return new Sandbox(
                new LaunchToken(id, "podvm-" + id),
                pod,
                new SandboxPlan(
                        request,
                        network,
                        Path.of("/run/peerpod/pods", id, "agent.ttrpc"),
                        "0123456789abcdef",
                        Instant.ofEpochMilli(1_800_000_000_000L)));
    }

    /** Puts the calls of one to three shims into the schedule. */
    static void schedule(Node node) {
        int count = 1 + Math.max(0, node.dice.below(6) - 3);
        for (int i = 0; i < count; i++) {
            Sandbox sandbox = SANDBOXES.get(i);
            int lives = node.dice.oneIn(6) ? 2 : 1;
            long time = node.dice.below(300);
            for (int life = 0; life < lives; life++) {
                time = calls(node, sandbox, time) + node.dice.below(6_000);
            }
        }
    }

    private static long calls(Node node, Sandbox sandbox, long from) {
        Dice dice = node.dice;
        long time = from;
        String id = sandbox.id();
        for (int creates = dice.oneIn(6) ? 2 : 1; creates > 0; creates--) {
            at(node, time, () -> node.createVm(sandbox));
            time += dice.below(60);
        }
        for (int starts = dice.oneIn(10) ? 0 : 1 + dice.below(2); starts > 0; starts--) {
            at(node, time, () -> node.startVm(id));
            time += dice.below(dice.oneIn(2) ? 30 : 1_500);
        }
        for (int stops = dice.oneIn(4) ? 0 : 1 + dice.below(3); stops > 0; stops--) {
            at(node, time, () -> node.stopVm(id));
            time += dice.below(dice.oneIn(2) ? 10 : 2_500);
        }
        return time;
    }

    private static void at(Node node, long time, Runnable call) {
        node.world.after(time, World.OUTSIDE, call);
    }
}
