// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import io.peerpod.node.journal.wire.Actor;
import io.peerpod.node.journal.wire.Cause;
import io.peerpod.node.journal.wire.CloudTrouble;
import io.peerpod.node.journal.wire.Reason;
import io.peerpod.provider.CloudFailure;
import io.peerpod.sandbox.StopCause;
import io.peerpod.sandbox.Trouble;
import java.time.Duration;
import java.util.Optional;

/** What went wrong, to the journal's messages and back. */
final class FailureCodec {
    private FailureCodec() {}

    static CloudTrouble encode(CloudFailure failure) {
        CloudTrouble.Builder wire =
                CloudTrouble.newBuilder().setMessage(failure.message()).setActor(encode(failure.actor()));
        switch (failure) {
            case CloudFailure.Throttled(var _, var retryAfter) -> {
                wire.setKind(CloudTrouble.Kind.THROTTLED);
                retryAfter.ifPresent(delay -> wire.setRetryAfterMillis(delay.toMillis()));
            }
            case CloudFailure.OutOfCapacity _ -> wire.setKind(CloudTrouble.Kind.OUT_OF_CAPACITY);
            case CloudFailure.Rejected _ -> wire.setKind(CloudTrouble.Kind.REJECTED);
            case CloudFailure.Unauthorised _ -> wire.setKind(CloudTrouble.Kind.UNAUTHORISED);
            case CloudFailure.Unreachable _ -> wire.setKind(CloudTrouble.Kind.UNREACHABLE);
            case CloudFailure.OutcomeUnknown _ -> wire.setKind(CloudTrouble.Kind.OUTCOME_UNKNOWN);
        }
        return wire.build();
    }

    static CloudFailure decode(CloudTrouble wire) {
        String message = wire.getMessage();
        return switch (wire.getKind()) {
            case THROTTLED ->
                new CloudFailure.Throttled(
                        message,
                        wire.getRetryAfterMillis() == 0
                                ? Optional.empty()
                                : Optional.of(Duration.ofMillis(wire.getRetryAfterMillis())));
            case OUT_OF_CAPACITY -> new CloudFailure.OutOfCapacity(message, decode(wire.getActor()));
            case REJECTED -> new CloudFailure.Rejected(message, decode(wire.getActor()));
            case UNAUTHORISED -> new CloudFailure.Unauthorised(message);
            case UNREACHABLE -> new CloudFailure.Unreachable(message);
            // A kind that a later release added is doubt as well: the one reading that never loses a VM.
            case OUTCOME_UNKNOWN, KIND_UNSPECIFIED, UNRECOGNIZED -> new CloudFailure.OutcomeUnknown(message);
        };
    }

    static Cause encode(StopCause cause) {
        Cause.Builder wire = Cause.newBuilder();
        switch (cause) {
            case StopCause.Requested _ -> wire.setRequested(true);
            case StopCause.LaunchFailed(var failure) -> wire.setLaunchFailed(encode(failure));
            case StopCause.ConnectFailed(var trouble) -> wire.setConnectFailed(encode(trouble));
            case StopCause.GuestLost(var trouble) -> wire.setGuestLost(encode(trouble));
            case StopCause.Orphaned(var trouble) -> wire.setOrphaned(encode(trouble));
        }
        return wire.build();
    }

    static StopCause decode(Cause wire) {
        return switch (wire.getCauseCase()) {
            case REQUESTED -> new StopCause.Requested();
            case LAUNCH_FAILED -> new StopCause.LaunchFailed(decode(wire.getLaunchFailed()));
            case CONNECT_FAILED -> new StopCause.ConnectFailed(decode(wire.getConnectFailed()));
            case GUEST_LOST -> new StopCause.GuestLost(decode(wire.getGuestLost()));
            case ORPHANED -> new StopCause.Orphaned(decode(wire.getOrphaned()));
            // A cause that a later release added: what matters is that it is to be stopped.
            case CAUSE_NOT_SET -> new StopCause.Requested();
        };
    }

    private static Reason encode(Trouble trouble) {
        return Reason.newBuilder()
                .setMessage(trouble.message())
                .setActor(encode(trouble.actor()))
                .build();
    }

    private static Trouble decode(Reason wire) {
        return new Trouble(wire.getMessage(), decode(wire.getActor()));
    }

    static Actor encode(CloudFailure.Actor actor) {
        return switch (actor) {
            case USER -> Actor.USER;
            case OPERATOR -> Actor.OPERATOR;
            case CLOUD -> Actor.CLOUD;
            case US -> Actor.US;
        };
    }

    static CloudFailure.Actor decode(Actor wire) {
        return switch (wire) {
            case USER -> CloudFailure.Actor.USER;
            case OPERATOR -> CloudFailure.Actor.OPERATOR;
            case CLOUD -> CloudFailure.Actor.CLOUD;
            case US, ACTOR_UNSPECIFIED, UNRECOGNIZED -> CloudFailure.Actor.US;
        };
    }
}
