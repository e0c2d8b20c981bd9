// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import java.util.List;

/** One schedule, from a seed: chaos for a while, then an honest world that has to come to rest. */
final class Schedule {
    private static final int CHAOS_MILLIS = 12_000;
    /** By then an honest world has come to rest, whatever the back-off. */
    private static final int REST_MILLIS = CHAOS_MILLIS + 3_600_000;

    private final World world;
    private final SimulatedCloud cloud;
    private final Node node;

    private Schedule(long seed, Rules rules, boolean telling) {
        Dice dice = new Dice(seed);
        world = new World(dice, telling);
        cloud = new SimulatedCloud(dice);
        node = new Node(world, cloud, rules);
    }

    /**
     * Runs the schedule of a seed.
     *
     * @throws Violation when an invariant does not hold
     */
    static void run(long seed, Rules rules) {
        new Schedule(seed, rules, false).run();
    }

    /** What happens in the schedule of a seed, with the violation at its end, if there is one. */
    static List<String> story(long seed, Rules rules) {
        Schedule schedule = new Schedule(seed, rules, true);
        try {
            schedule.run();
            schedule.world.tell("", "everything is at rest");
        } catch (RuntimeException e) {
            schedule.world.tell("", "VIOLATION " + e);
        }
        return schedule.world.story();
    }

    private void run() {
        Shims.schedule(node);
        faults();
        node.run(node::start);
        step(CHAOS_MILLIS, false);
        world.now = Math.max(world.now, CHAOS_MILLIS);
        world.tell("", "from here on the world is honest");
        node.behave();
        cloud.behave();
        step(REST_MILLIS, true);
        Violation.unless(node.isAtRest(), "an hour after the last fault there is something left: " + node.leftovers());
        Violation.unless(node.nobodyWaits(), "a StartVM was never answered");
    }

    private void step(long until, boolean untilRest) {
        while (true) {
            Runnable work = world.next(until, node.life);
            if (work == null) {
                return;
            }
            cloud.advance(world.now);
            node.run(work);
            node.verify();
            if (untilRest && node.isAtRest()) {
                return;
            }
        }
    }

    private void faults() {
        Dice dice = world.dice;
        for (int kills = dice.below(4); kills > 0; kills--) {
            int more = 1 + dice.below(dice.oneIn(2) ? 40 : 150);
            at(() -> node.dieAfter(more));
        }
        if (dice.oneIn(3)) {
            at(() -> {
                if (node.alive) {
                    node.die(true);
                }
            });
        }
        if (dice.oneIn(6)) {
            at(node::reboot);
        }
        if (dice.oneIn(3)) {
            long step = (dice.oneIn(2) ? 1 : -1) * (long) dice.below(7_200_000);
            at(() -> {
                world.tell("", "the clock is set by " + step + " ms");
                world.skew += step;
            });
        }
        if (dice.oneIn(4)) {
            int length = dice.below(3_000);
            at(() -> {
                world.tell("", "the disk is full");
                node.disk.full = true;
                world.after(length, World.OUTSIDE, () -> node.disk.full = false);
            });
        }
        if (dice.oneIn(3)) {
            at(() -> {
                world.tell("", "somebody deletes a VM");
                cloud.vanish(world.now);
            });
        }
    }

    /** At some time of the chaos, more often early than late. */
    private void at(Runnable fault) {
        int span = world.dice.oneIn(2) ? CHAOS_MILLIS / 6 : CHAOS_MILLIS;
        world.after(world.dice.below(span), World.OUTSIDE, fault);
    }
}
