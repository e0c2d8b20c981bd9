// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.OrphanSweep.Kind;
import io.peerpod.sandbox.OrphanSweep.Known;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OrphanSweepTest {
    private static final Instant NOW = Instant.parse("2026-11-24T10:00:00Z");
    private static final Duration GRACE = OrphanSweep.grace(Duration.ofMinutes(10), Duration.ofMinutes(5));
    private static final LaunchToken TOKEN = new LaunchToken("s1", "podvm-web-s1");
    private static final Known NOBODY = new Known(Set.of(), Set.of());

    private static OrphanSweep.Verdict judge(Optional<Duration> age, Optional<Duration> watched, Known known) {
        PodVm vm = new PodVm("vm-1", TOKEN, PodVm.State.RUNNING, List.of(), age.map(NOW::minus), Optional.empty());
        Map<String, Duration> seen = watched.map(time -> Map.of("vm-1", time)).orElse(Map.of());
        return OrphanSweep.judge(List.of(vm), known, seen, NOW, GRACE).getFirst();
    }

    private static Kind kind(Optional<Duration> age, Optional<Duration> watched, Known known) {
        return judge(age, watched, known).kind();
    }

    @Test
    void theGraceIsTheLongestCallAndTheLandingAfterIt() {
        assertThat(GRACE).isEqualTo(Duration.ofMinutes(15));
    }

    @Test
    void onlyAnOldVmThatNoJournalNamesIsAnOrphan() {
        Optional<Duration> old = Optional.of(GRACE);
        Optional<Duration> young = Optional.of(GRACE.minusMillis(1));
        assertThat(kind(old, Optional.empty(), NOBODY)).isEqualTo(Kind.ORPHAN);
        assertThat(kind(young, Optional.empty(), NOBODY)).isEqualTo(Kind.YOUNG);
        assertThat(kind(old, Optional.empty(), new Known(Set.of(TOKEN), Set.of())))
                .isEqualTo(Kind.OURS);
        assertThat(kind(old, Optional.empty(), new Known(Set.of(), Set.of("s1"))))
                .isEqualTo(Kind.SET_ASIDE);
    }

    @Test
    void anotherVmOfAKnownSandboxIsNotItsOwn() {
        LaunchToken other = new LaunchToken("s1", "podvm-other-s1");
        assertThat(kind(Optional.of(GRACE), Optional.empty(), new Known(Set.of(other), Set.of())))
                .isEqualTo(Kind.ORPHAN);
    }

    @Test
    void anUnknownAgeCountsAsYoungUntilItHasBeenWatchedForAsLong() {
        assertThat(kind(Optional.empty(), Optional.empty(), NOBODY)).isEqualTo(Kind.YOUNG);
        assertThat(kind(Optional.empty(), Optional.of(GRACE.minusMillis(1)), NOBODY))
                .isEqualTo(Kind.YOUNG);
        assertThat(kind(Optional.empty(), Optional.of(GRACE), NOBODY)).isEqualTo(Kind.ORPHAN);
    }

    @Test
    void aClockThatWasSetBackDoesNotMakeAVmYoungForEver() {
        assertThat(kind(Optional.of(Duration.ofDays(-1)), Optional.of(Duration.ofMinutes(1)), NOBODY))
                .isEqualTo(Kind.YOUNG);
        assertThat(kind(Optional.of(Duration.ofDays(-1)), Optional.of(GRACE), NOBODY))
                .isEqualTo(Kind.ORPHAN);
    }

    @Test
    void everyVerdictSaysWhy() {
        assertThat(judge(Optional.of(GRACE), Optional.empty(), NOBODY).reason()).contains("no journal", "15 min");
        assertThat(judge(Optional.empty(), Optional.empty(), NOBODY).reason()).contains("not known");
        assertThat(judge(Optional.empty(), Optional.empty(), new Known(Set.of(), Set.of("s1")))
                        .reason())
                .contains("set aside");
    }
}
