// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.sandbox.SandboxState;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Small things in words. */
public final class Words {
    private static final DateTimeFormatter CLOCK =
            DateTimeFormatter.ofPattern("HH:mm:ss.SSS", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final DateTimeFormatter DAY =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final int SHORT_ID = 12;

    private Words() {}

    /** The state in a word, as tables and metrics have it. */
    public static String state(SandboxState state) {
        return switch (state) {
            case SandboxState.Absent _ -> "absent";
            case SandboxState.Prepared _ -> "prepared";
            case SandboxState.Launching _ -> "launching";
            case SandboxState.AwaitingLanding _ -> "awaiting-landing";
            case SandboxState.Connecting _ -> "connecting";
            case SandboxState.Ready _ -> "ready";
            case SandboxState.Stopping _ -> "stopping";
            case SandboxState.Gone _ -> "gone";
        };
    }

    static String actor(Actor actor) {
        return switch (actor) {
            case USER -> "the pod's user";
            case OPERATOR -> "the operator of this node";
            case CLOUD -> "the cloud";
            case US -> "peerpods itself";
        };
    }

    /** As much of a sandbox id as people read. */
    public static String shortId(String id) {
        return id.length() <= SHORT_ID ? id : id.substring(0, SHORT_ID);
    }

    /** Time of day in UTC with milliseconds. */
    static String clock(Instant at) {
        return CLOCK.format(at);
    }

    /** Day and time in UTC. */
    static String day(Instant at) {
        return DAY.format(at) + "Z";
    }

    /** Exact to a millisecond below a minute. */
    static String took(Duration duration) {
        Duration span = duration.isNegative() ? Duration.ZERO : duration;
        return span.toMinutes() > 0 ? ago(span) : String.format(Locale.ROOT, "%.3f s", span.toNanos() / 1e9);
    }

    /** Two units at most. */
    public static String ago(Duration duration) {
        Duration span = duration.isNegative() ? Duration.ZERO : duration;
        if (span.toDays() > 0) {
            return span.toDays() + "d" + span.toHoursPart() + "h";
        }
        if (span.toHours() > 0) {
            return span.toHours() + "h" + span.toMinutesPart() + "m";
        }
        return span.toMinutes() > 0 ? span.toMinutes() + "m" + span.toSecondsPart() + "s" : span.toSeconds() + "s";
    }

    static String share(Duration part, Duration whole) {
        return whole.isZero() ? "-" : Math.round(100.0 * part.toNanos() / whole.toNanos()) + " %";
    }
}
