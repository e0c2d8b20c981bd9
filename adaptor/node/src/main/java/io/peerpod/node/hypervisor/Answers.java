// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.hypervisor;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpod.contract.ContractException;
import io.peerpod.node.journal.JournalException;
import io.peerpod.node.process.NewerDaemon;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.StopCause;
import java.io.IOException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** What a caller is told when something did not work. */
final class Answers {
    private Answers() {}

    /** The one place where anything thrown becomes a status. */
    static StatusRuntimeException of(Throwable thrown) {
        return switch (thrown) {
            case StatusRuntimeException status -> status;
            case ExecutionException wrapped when wrapped.getCause() != null -> of(wrapped.getCause());
            case CompletionException wrapped when wrapped.getCause() != null -> of(wrapped.getCause());
            case ContractException contract -> status(Status.INVALID_ARGUMENT, contract.getMessage());
            case JournalException journal ->
                status(
                        Status.UNAVAILABLE,
                        journal.getMessage() + ". Nothing was done; free the disk that holds -state-dir");
            case IOException io -> status(Status.FAILED_PRECONDITION, io.getMessage());
            case InterruptedException _ -> status(Status.UNAVAILABLE, NewerDaemon.ENDING);
            default -> status(Status.INTERNAL, "unexpected: " + thrown);
        };
    }

    static StatusRuntimeException status(Status status, @Nullable String message) {
        return status.withDescription(message == null ? "no reason given" : message)
                .asRuntimeException();
    }

    /** Why a sandbox did not start: what it is about, what happened, whose turn it is. */
    static StatusRuntimeException notStarted(Sandbox sandbox, StopCause cause) {
        String about = "pod " + sandbox.pod() + " (pod VM " + sandbox.token().instanceName() + ", sandbox "
                + sandbox.id() + ") did not start: ";
        return switch (cause) {
            case StopCause.Requested _ ->
                status(Status.ABORTED, about + "it was stopped while it was starting; start a new sandbox");
            case StopCause.LaunchFailed(var failure) ->
                status(code(failure), about + failure.message() + turn(failure.actor()));
            case StopCause.ConnectFailed(var trouble) ->
                status(Status.UNAVAILABLE, about + trouble.message() + turn(trouble.actor()));
            case StopCause.GuestLost(var trouble) ->
                status(Status.UNAVAILABLE, about + trouble.message() + turn(trouble.actor()));
            case StopCause.Orphaned(var trouble) -> status(Status.ABORTED, about + trouble.message());
        };
    }

    private static Status code(CloudFailure failure) {
        return switch (failure) {
            case CloudFailure.Throttled _, CloudFailure.OutOfCapacity _ -> Status.RESOURCE_EXHAUSTED;
            case CloudFailure.Rejected _ -> Status.FAILED_PRECONDITION;
            case CloudFailure.Unauthorised _ -> Status.PERMISSION_DENIED;
            case CloudFailure.Unreachable _, CloudFailure.OutcomeUnknown _ -> Status.UNAVAILABLE;
        };
    }

    private static String turn(Actor actor) {
        String who = switch (actor) {
            case USER -> "whoever wrote the pod";
            case OPERATOR -> "the operator of this worker";
            case CLOUD -> "the cloud, and a retry may help";
            case US -> "peerpods: please report it with the daemon's log";
        };
        return " [turn: " + who + "; what was made of the pod VM is being removed]";
    }
}
