// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.sandbox.Trouble;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * One stage of the flight recorder. It is written without a sync and nothing rests on it: a crash of the machine may lose the latest.
 *
 * @param stage which step
 * @param at when it was reached; empty for the moment of its recording
 * @param detail which VM, address or attempt; may be empty; no secret
 * @param took how long the step took, where that says something
 * @param failure why the step failed, if it did
 */
public record Note(
        Stage stage, Optional<Instant> at, String detail, Optional<Duration> took, Optional<Failure> failure) {

    /**
     * Why a step failed.
     *
     * @param kind its class, such as {@code Throttled}, {@code OutcomeUnknown}, {@code TLS} or {@code tunnel}
     * @param message in words
     * @param actor whose turn it is
     */
    public record Failure(String kind, String message, Actor actor) {

        /** A failure of the cloud under the name of its class. */
        public static Failure of(CloudFailure failure) {
            return new Failure(failure.getClass().getSimpleName(), failure.message(), failure.actor());
        }

        /** A failure of something else. */
        public static Failure of(String kind, Trouble trouble) {
            return new Failure(kind, trouble.message(), trouble.actor());
        }
    }

    /** A stage that was reached. */
    public static Note of(Stage stage, String detail) {
        return new Note(stage, Optional.empty(), detail, Optional.empty(), Optional.empty());
    }

    /** A stage that took this long. */
    public static Note of(Stage stage, String detail, Duration took) {
        return new Note(stage, Optional.empty(), detail, Optional.of(took), Optional.empty());
    }

    /** A stage that was not reached, and why. */
    public static Note failed(Stage stage, String detail, Failure failure) {
        return new Note(stage, Optional.empty(), detail, Optional.empty(), Optional.of(failure));
    }

    /** The same stage at a moment before its recording. */
    public Note at(Instant moment) {
        return new Note(stage, Optional.of(moment), detail, took, failure);
    }
}
