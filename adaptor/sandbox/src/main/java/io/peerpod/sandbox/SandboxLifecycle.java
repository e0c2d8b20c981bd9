// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import static io.peerpod.sandbox.Decision.NOTHING;
import static io.peerpod.sandbox.Decision.record;
import static io.peerpod.sandbox.Decision.run;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.SandboxEffect.AwaitLanding;
import io.peerpod.sandbox.SandboxEffect.Connect;
import io.peerpod.sandbox.SandboxEffect.CreateVm;
import io.peerpod.sandbox.SandboxEffect.DeleteVm;
import io.peerpod.sandbox.SandboxEffect.Forget;
import io.peerpod.sandbox.SandboxEffect.Release;
import io.peerpod.sandbox.SandboxEffect.RetryLater;
import io.peerpod.sandbox.SandboxEffect.WatchGuest;
import io.peerpod.sandbox.SandboxEvent.ConnectFailed;
import io.peerpod.sandbox.SandboxEvent.CreateFailed;
import io.peerpod.sandbox.SandboxEvent.CreateRequested;
import io.peerpod.sandbox.SandboxEvent.DeleteFailed;
import io.peerpod.sandbox.SandboxEvent.DeletionUnderWay;
import io.peerpod.sandbox.SandboxEvent.GuestLost;
import io.peerpod.sandbox.SandboxEvent.GuestReady;
import io.peerpod.sandbox.SandboxEvent.NothingLanded;
import io.peerpod.sandbox.SandboxEvent.Orphaned;
import io.peerpod.sandbox.SandboxEvent.ReleaseFailed;
import io.peerpod.sandbox.SandboxEvent.Released;
import io.peerpod.sandbox.SandboxEvent.RetryDue;
import io.peerpod.sandbox.SandboxEvent.StartRequested;
import io.peerpod.sandbox.SandboxEvent.StopRequested;
import io.peerpod.sandbox.SandboxEvent.VmAbsent;
import io.peerpod.sandbox.SandboxEvent.VmCreated;
import io.peerpod.sandbox.SandboxEvent.VmFound;
import io.peerpod.sandbox.SandboxState.Absent;
import io.peerpod.sandbox.SandboxState.AwaitingLanding;
import io.peerpod.sandbox.SandboxState.Connecting;
import io.peerpod.sandbox.SandboxState.Gone;
import io.peerpod.sandbox.SandboxState.Launching;
import io.peerpod.sandbox.SandboxState.Prepared;
import io.peerpod.sandbox.SandboxState.Ready;
import io.peerpod.sandbox.SandboxState.Stopping;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The life of a sandbox as three pure functions: {@link #decide} says what follows from an event, {@link #evolve} is the only
 * one that changes a state, and {@link #resume} says what a restarted daemon has to do again. The live path and recovery run
 * the same {@code evolve}. The whole table is in {@code docs/lifecycle.md}, generated from the enumeration test.
 */
public final class SandboxLifecycle {

    /** How many create calls may fail for a reason that may pass before the launch is given up. */
    public static final int CREATE_ATTEMPTS = 5;

    private static final CloudFailure CUT_OFF = new CloudFailure.OutcomeUnknown(
            "the daemon ended while the create call was under way; the cloud is asked again");

    private SandboxLifecycle() {}

    /**
     * What follows from an event.
     *
     * @throws IllegalTransitionException when the event cannot reach the state
     */
    public static Decision decide(SandboxState state, SandboxEvent event) {
        return switch (state) {
            case Absent absent -> absent(absent, event);
            case Prepared prepared -> prepared(prepared, event);
            case Launching launching -> launching(launching, event);
            case AwaitingLanding awaiting -> awaitingLanding(awaiting, event);
            case Connecting connecting -> connecting(connecting, event);
            case Ready ready -> ready(ready, event);
            case Stopping stopping -> stopping(stopping, event);
            // Late news of what was ended changes nothing: Gone is final.
            case Gone _ -> NOTHING;
        };
    }

    /**
     * The state after a fact.
     *
     * @throws IllegalTransitionException when the fact cannot follow the state
     */
    public static SandboxState evolve(SandboxState state, SandboxFact fact) {
        return switch (fact) {
            case SandboxFact.Prepared(var sandbox) when state instanceof Absent -> new Prepared(sandbox);
            case SandboxFact.LaunchIntended _
            when state instanceof Prepared(var sandbox) -> new Launching(sandbox, 1, true, false);
            case SandboxFact.LaunchIntended _
            when state instanceof Launching(var sandbox, int n, var _, boolean d) ->
                new Launching(sandbox, n + 1, true, d);
            case SandboxFact.CreateCallFailed(var failure) -> callEnded(state, fact, failure);
            case SandboxFact.Launched(var vm)
            when state instanceof Launching launching -> new Connecting(launching.sandbox(), vm);
            case SandboxFact.Connected _
            when state instanceof Connecting(var sandbox, var vm) -> new Ready(sandbox, vm);
            case SandboxFact.StopIntended(var cause) -> stopIntended(state, fact, cause);
            case SandboxFact.Landed(var vm)
            when state instanceof AwaitingLanding awaiting ->
                new Stopping(awaiting.sandbox(), awaiting.cause(), vm, false, false);
            case SandboxFact.VmDeleted _
            when state instanceof Stopping(var sandbox, var cause, var vm, var _, var r) ->
                new Stopping(sandbox, cause, vm, true, r);
            case SandboxFact.Cleaned _
            when state instanceof Stopping(var sandbox, var cause, var vm, var gone, var _) ->
                new Stopping(sandbox, cause, vm, gone, true);
            case SandboxFact.Ended _
            when state instanceof Stopping stopping && stopping.vmGone() && stopping.released() ->
                new Gone(stopping.sandbox(), stopping.cause());
            case SandboxFact.Prepared _,
                    SandboxFact.LaunchIntended _,
                    SandboxFact.Launched _,
                    SandboxFact.Connected _,
                    SandboxFact.Landed _,
                    SandboxFact.VmDeleted _,
                    SandboxFact.Cleaned _,
                    SandboxFact.Ended _ -> throw new IllegalTransitionException(state, (Record) fact);
        };
    }

    /**
     * What follows from a restart: what a daemon that has read the sandbox's facts has to record and do, since whatever was
     * under way died with its predecessor.
     */
    public static Decision resume(SandboxState state) {
        return switch (state) {
            case Absent _, Prepared _ -> NOTHING;
            // The call that was cut off may still land, so from here on the launch is in doubt until a call is
            // answered.
            case Launching launching
            when launching.calling() ->
                record(new SandboxFact.CreateCallFailed(CUT_OFF)).then(new RetryLater(Duration.ZERO));
            case Launching _ -> run(new RetryLater(Duration.ZERO));
            case AwaitingLanding awaiting ->
                run(new AwaitLanding(awaiting.sandbox().token()));
            case Connecting(var sandbox, var vm) -> run(new Connect(sandbox, vm));
            case Ready(var sandbox, var vm) -> run(new WatchGuest(sandbox, vm));
            // A daemon died between the last two facts.
            case Stopping stopping
            when stopping.vmGone() && stopping.released() ->
                record(new SandboxFact.Ended()).then(new Forget(stopping.sandbox()));
            case Stopping stopping -> run(undo(stopping));
            case Gone gone -> run(new Forget(gone.sandbox()));
        };
    }

    private static Decision absent(Absent state, SandboxEvent event) {
        return switch (event) {
            case CreateRequested(var sandbox) -> record(new SandboxFact.Prepared(sandbox));
            case StartRequested _, StopRequested _ -> NOTHING;
            case VmCreated _, CreateFailed _, RetryDue _, VmFound _, NothingLanded _, GuestReady _, ConnectFailed _ ->
                throw illegal(state, event);
            case GuestLost _, Orphaned _, VmAbsent _, DeletionUnderWay _, DeleteFailed _, Released _, ReleaseFailed _ ->
                throw illegal(state, event);
        };
    }

    private static Decision prepared(Prepared state, SandboxEvent event) {
        return switch (event) {
            case CreateRequested _ -> NOTHING;
            case StartRequested _ -> record(new SandboxFact.LaunchIntended()).then(new CreateVm(state.sandbox()));
            case StopRequested _ -> stop(state, new StopCause.Requested());
            case Orphaned(var trouble) -> stop(state, new StopCause.Orphaned(trouble));
            case VmCreated _, CreateFailed _, RetryDue _, VmFound _, NothingLanded _, GuestReady _, ConnectFailed _ ->
                throw illegal(state, event);
            case GuestLost _, VmAbsent _, DeletionUnderWay _, DeleteFailed _, Released _, ReleaseFailed _ ->
                throw illegal(state, event);
        };
    }

    private static Decision launching(Launching state, SandboxEvent event) {
        return switch (event) {
            case CreateRequested _, StartRequested _ -> NOTHING;
            case VmCreated(var vm)
            when state.calling() -> record(new SandboxFact.Launched(vm)).then(new Connect(state.sandbox(), vm));
            case CreateFailed(var failure) when state.calling() -> createFailed(state, failure);
            case RetryDue _
            when !state.calling() -> record(new SandboxFact.LaunchIntended()).then(new CreateVm(state.sandbox()));
            case StopRequested _ -> stop(state, new StopCause.Requested());
            case Orphaned(var trouble) -> stop(state, new StopCause.Orphaned(trouble));
            case VmCreated _, CreateFailed _, RetryDue _, VmFound _, NothingLanded _, GuestReady _, ConnectFailed _ ->
                throw illegal(state, event);
            case GuestLost _, VmAbsent _, DeletionUnderWay _, DeleteFailed _, Released _, ReleaseFailed _ ->
                throw illegal(state, event);
        };
    }

    private static Decision awaitingLanding(AwaitingLanding state, SandboxEvent event) {
        return switch (event) {
            case CreateRequested _, StartRequested _, StopRequested _, Orphaned _, RetryDue _ -> NOTHING;
            case VmCreated(var vm) -> landed(state, Optional.of(vm));
            case VmFound(var vm) -> landed(state, Optional.of(vm));
            case NothingLanded _ -> landed(state, Optional.empty());
            case CreateFailed(var failure) -> {
                SandboxFact ended = new SandboxFact.CreateCallFailed(failure);
                boolean mayLand = state.doubtful() || failure instanceof CloudFailure.OutcomeUnknown;
                yield mayLand
                        ? record(ended).then(new AwaitLanding(state.sandbox().token()))
                        : landed(state, Optional.empty());
            }
            case GuestReady _, ConnectFailed _, GuestLost _, VmAbsent _, DeletionUnderWay _ ->
                throw illegal(state, event);
            case DeleteFailed _, Released _, ReleaseFailed _ -> throw illegal(state, event);
        };
    }

    private static Decision connecting(Connecting state, SandboxEvent event) {
        return switch (event) {
            case CreateRequested _, StartRequested _ -> NOTHING;
            case GuestReady _ -> record(new SandboxFact.Connected()).then(new WatchGuest(state.sandbox(), state.vm()));
            case ConnectFailed(var trouble) -> stop(state, new StopCause.ConnectFailed(trouble));
            case StopRequested _ -> stop(state, new StopCause.Requested());
            case Orphaned(var trouble) -> stop(state, new StopCause.Orphaned(trouble));
            case VmCreated _, CreateFailed _, RetryDue _, VmFound _, NothingLanded _, GuestLost _ ->
                throw illegal(state, event);
            case VmAbsent _, DeletionUnderWay _, DeleteFailed _, Released _, ReleaseFailed _ ->
                throw illegal(state, event);
        };
    }

    private static Decision ready(Ready state, SandboxEvent event) {
        return switch (event) {
            case CreateRequested _, StartRequested _ -> NOTHING;
            case StopRequested _ -> stop(state, new StopCause.Requested());
            case GuestLost(var trouble) -> stop(state, new StopCause.GuestLost(trouble));
            case Orphaned(var trouble) -> stop(state, new StopCause.Orphaned(trouble));
            case VmCreated _, CreateFailed _, RetryDue _, VmFound _, NothingLanded _, GuestReady _, ConnectFailed _ ->
                throw illegal(state, event);
            case VmAbsent _, DeletionUnderWay _, DeleteFailed _, Released _, ReleaseFailed _ ->
                throw illegal(state, event);
        };
    }

    private static Decision stopping(Stopping state, SandboxEvent event) {
        return switch (event) {
            case CreateRequested _, StartRequested _, StopRequested _ -> NOTHING;
            // The stop overtook these.
            case GuestReady _, ConnectFailed _, GuestLost _, Orphaned _, RetryDue _ -> NOTHING;
            case VmAbsent _ when state.vmGone() -> NOTHING;
            case VmAbsent _ -> undone(state, new SandboxFact.VmDeleted(), state.released());
            case Released _ when state.released() -> NOTHING;
            case Released _ -> undone(state, new SandboxFact.Cleaned(), state.vmGone());
            case DeletionUnderWay(int attempt) ->
                run(new DeleteVm(state.sandbox().token(), attempt + 1, Backoff.whileDeleting(attempt)));
            case DeleteFailed(int attempt, var failure) ->
                run(new DeleteVm(state.sandbox().token(), attempt + 1, Backoff.after(failure, attempt)));
            case ReleaseFailed(int attempt, var _) ->
                run(new Release(state.sandbox(), state.vm(), attempt + 1, Backoff.afterRelease(attempt)));
            case VmCreated _, CreateFailed _, VmFound _, NothingLanded _ -> throw illegal(state, event);
        };
    }

    private static Decision createFailed(Launching state, CloudFailure failure) {
        Decision ended = record(new SandboxFact.CreateCallFailed(failure));
        if (mayPass(failure) && state.attempt() < CREATE_ATTEMPTS) {
            return ended.then(new RetryLater(Backoff.after(failure, state.attempt())));
        }
        SandboxFact fact = ended.facts().getFirst();
        Decision stop = stop(evolve(state, fact), new StopCause.LaunchFailed(failure));
        return new Decision(List.of(fact, stop.facts().getFirst()), stop.effects());
    }

    private static boolean mayPass(CloudFailure failure) {
        return switch (failure) {
            case CloudFailure.Throttled _, CloudFailure.Unreachable _, CloudFailure.OutcomeUnknown _ -> true;
            case CloudFailure.OutOfCapacity _, CloudFailure.Rejected _, CloudFailure.Unauthorised _ -> false;
        };
    }

    /** The stop is durable first; what it does follows from where it leads. */
    private static Decision stop(SandboxState state, StopCause cause) {
        SandboxFact fact = new SandboxFact.StopIntended(cause);
        SandboxState next = evolve(state, fact);
        boolean callUnderWay = next instanceof AwaitingLanding awaiting && awaiting.calling();
        return new Decision(
                List.of(fact), callUnderWay ? List.of() : resume(next).effects());
    }

    private static Decision landed(AwaitingLanding state, Optional<PodVm> vm) {
        SandboxFact fact = new SandboxFact.Landed(vm);
        return new Decision(List.of(fact), resume(evolve(state, fact)).effects());
    }

    private static Decision undone(Stopping state, SandboxFact fact, boolean last) {
        return last ? record(fact, new SandboxFact.Ended()).then(new Forget(state.sandbox())) : record(fact);
    }

    private static SandboxEffect[] undo(Stopping state) {
        Release release = new Release(state.sandbox(), state.vm(), 1, Duration.ZERO);
        DeleteVm delete = new DeleteVm(state.sandbox().token(), 1, Duration.ZERO);
        if (state.released()) {
            return new SandboxEffect[] {delete};
        }
        return state.vmGone() ? new SandboxEffect[] {release} : new SandboxEffect[] {release, delete};
    }

    private static SandboxState callEnded(SandboxState state, SandboxFact fact, CloudFailure failure) {
        boolean unknown = failure instanceof CloudFailure.OutcomeUnknown;
        return switch (state) {
            case Launching(var sandbox, int attempt, var _, boolean doubtful) ->
                new Launching(sandbox, attempt, false, doubtful || unknown);
            case AwaitingLanding(var sandbox, var cause, var _, boolean doubtful) ->
                new AwaitingLanding(sandbox, cause, false, doubtful || unknown);
            case Absent _, Prepared _, Connecting _, Ready _, Stopping _, Gone _ ->
                throw new IllegalTransitionException(state, (Record) fact);
        };
    }

    private static SandboxState stopIntended(SandboxState state, SandboxFact fact, StopCause cause) {
        return switch (state) {
            // No create was ever intended, so there is nothing in the cloud.
            case Prepared(var sandbox) -> new Stopping(sandbox, cause, Optional.empty(), true, false);
            case Launching(var sandbox, var _, boolean calling, boolean doubtful) ->
                calling || doubtful
                        ? new AwaitingLanding(sandbox, cause, calling, doubtful)
                        : new Stopping(sandbox, cause, Optional.empty(), false, false);
            case Connecting(var sandbox, var vm) -> new Stopping(sandbox, cause, Optional.of(vm), false, false);
            case Ready(var sandbox, var vm) -> new Stopping(sandbox, cause, Optional.of(vm), false, false);
            case Absent _, AwaitingLanding _, Stopping _, Gone _ ->
                throw new IllegalTransitionException(state, (Record) fact);
        };
    }

    private static IllegalTransitionException illegal(SandboxState state, SandboxEvent event) {
        return new IllegalTransitionException(state, (Record) event);
    }
}
