// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.CloudFailure;
import java.time.Duration;

/** How long to wait before the next attempt, by what the last one ended with. The runner adds its own jitter. */
public final class Backoff {
    private static final Duration DELETION_FIRST = Duration.ofMillis(100);
    private static final Duration DELETION_LONGEST = Duration.ofSeconds(5);

    private Backoff() {}

    /** Before another create or delete call after the given attempt (from 1). */
    public static Duration after(CloudFailure failure, int attempt) {
        return switch (failure) {
            case CloudFailure.Throttled(var _, var retryAfter) ->
                retryAfter.orElseGet(() -> doubled(Duration.ofSeconds(2), attempt, Duration.ofMinutes(2)));
            case CloudFailure.Unreachable _ -> doubled(Duration.ofSeconds(1), attempt, Duration.ofMinutes(1));
            case CloudFailure.OutcomeUnknown _ -> doubled(Duration.ofSeconds(1), attempt, Duration.ofSeconds(30));
            case CloudFailure.OutOfCapacity _ -> doubled(Duration.ofSeconds(5), attempt, Duration.ofMinutes(2));
            case CloudFailure.Rejected _ -> doubled(Duration.ofSeconds(5), attempt, Duration.ofMinutes(5));
            case CloudFailure.Unauthorised _ -> doubled(Duration.ofSeconds(10), attempt, Duration.ofMinutes(5));
        };
    }

    /** Before the cloud is asked again whether a deletion that it accepted is done. */
    public static Duration whileDeleting(int attempt) {
        return doubled(DELETION_FIRST, attempt, DELETION_LONGEST);
    }

    /** Before another attempt to take down what is left on this worker. */
    static Duration afterRelease(int attempt) {
        return doubled(Duration.ofMillis(500), attempt, Duration.ofMinutes(1));
    }

    private static Duration doubled(Duration first, int attempt, Duration longest) {
        Duration delay = first.multipliedBy(1L << Math.min(Math.max(attempt - 1, 0), 20));
        return delay.compareTo(longest) < 0 ? delay : longest;
    }
}
