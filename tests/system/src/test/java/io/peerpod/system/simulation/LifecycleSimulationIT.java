// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * The campaigns. A failing schedule prints its seed and its story; {@code ./peerpod test --simulation-seed N} tells that story again, and {@code ./peerpod test
 * --simulation N} runs so many schedules from a fresh seed.
 */
class LifecycleSimulationIT {
    private static final long FIXED = 200_000;
    private static final Duration FRESH = Duration.ofSeconds(60);
    private static final Duration NO_LIMIT = Duration.ofDays(1);
    private static final int MUTANT_LIMIT = 10_000;

    @Test
    @DisabledIfSystemProperty(named = "simulation.seed", matches = ".+")
    @DisabledIfSystemProperty(named = "simulation.schedules", matches = ".+")
    void theFixedSchedulesHold() {
        check(Campaign.run(1, FIXED, NO_LIMIT, Rules.REAL), "fixed");
    }

    @Test
    @DisabledIfSystemProperty(named = "simulation.seed", matches = ".+")
    void freshSchedulesHold() {
        long seed = System.nanoTime() << 20;
        long schedules = Long.getLong("simulation.schedules", 0);
        System.out.println("simulation: fresh schedules from seed " + seed);
        check(
                schedules > 0
                        ? Campaign.run(seed, schedules, NO_LIMIT, Rules.REAL)
                        : Campaign.run(seed, Long.MAX_VALUE, FRESH, Rules.REAL),
                "fresh");
    }

    @Test
    @EnabledIfSystemProperty(named = "simulation.seed", matches = ".+")
    void oneScheduleIsTold() {
        long seed = Long.getLong("simulation.seed", 0);
        Schedule.story(seed, Rules.REAL).forEach(System.out::println);
        Schedule.run(seed, Rules.REAL);
    }

    @Test
    @DisabledIfSystemProperty(named = "simulation.seed", matches = ".+")
    void everyDeliberateBugIsFound() {
        Map<String, Rules> mutants = Mutants.all();
        assertThat(mutants).hasSizeGreaterThanOrEqualTo(10);
        StringBuilder table = new StringBuilder();
        mutants.forEach((name, rules) -> {
            Campaign.Result result = Campaign.run(1, MUTANT_LIMIT, NO_LIMIT, rules);
            table.append("simulation: %-75s %s%n"
                    .formatted(
                            name,
                            result.failure()
                                    .map(failure -> "found by schedule " + result.schedules() + ": "
                                            + failure.why().getMessage())
                                    .orElse("NOT FOUND in " + result.schedules())));
        });
        System.out.print(table);
        assertThat(table.toString()).doesNotContain("NOT FOUND");
    }

    private static void check(Campaign.Result result, String what) {
        System.out.printf(
                "simulation: %d %s schedules in %d.%03d s, %d a second of one core%n",
                result.schedules(),
                what,
                result.took().toSeconds(),
                result.took().toMillisPart(),
                result.perSecond());
        result.failure().ifPresent(failure -> {
            Schedule.story(failure.seed(), Rules.REAL).forEach(System.out::println);
            throw new AssertionError(
                    "seed " + failure.seed() + ": " + failure.why() + " (./peerpod test --simulation-seed "
                            + failure.seed() + " tells it again)",
                    failure.why());
        });
    }
}
