// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One of each kind of state and event, under the name that the table in docs/lifecycle.md gives it. */
final class Samples {
    record NoPlan() implements Plan {}

    static final Sandbox SANDBOX =
            new Sandbox(new LaunchToken("s1", "podvm-web-s1"), new Pod("default", "web"), new NoPlan());
    static final PodVm VM =
            new PodVm("vm-1", SANDBOX.token(), PodVm.State.RUNNING, List.of(), Optional.empty(), Optional.empty());
    static final Trouble TROUBLE = new Trouble("it did not work", Actor.US);
    static final CloudFailure REJECTED = new CloudFailure.Rejected("no such image", Actor.USER);
    static final CloudFailure THROTTLED = new CloudFailure.Throttled("slow down", Optional.of(Duration.ofSeconds(3)));
    static final CloudFailure UNKNOWN = new CloudFailure.OutcomeUnknown("no answer");
    static final StopCause CAUSE = new StopCause.Requested();

    private Samples() {}

    static Map<String, SandboxState> states() {
        int last = SandboxLifecycle.CREATE_ATTEMPTS;
        Map<String, SandboxState> states = new LinkedHashMap<>();
        states.put("Absent", new SandboxState.Absent());
        states.put("Prepared", new SandboxState.Prepared(SANDBOX));
        states.put("Launching, calling", new SandboxState.Launching(SANDBOX, 1, true, false));
        states.put("Launching, calling, doubtful", new SandboxState.Launching(SANDBOX, 2, true, true));
        states.put("Launching, last call", new SandboxState.Launching(SANDBOX, last, true, false));
        states.put("Launching, pausing", new SandboxState.Launching(SANDBOX, 1, false, false));
        states.put("Launching, pausing, doubtful", new SandboxState.Launching(SANDBOX, 1, false, true));
        states.put("AwaitingLanding, calling", new SandboxState.AwaitingLanding(SANDBOX, CAUSE, true, false));
        states.put("AwaitingLanding, calling, doubtful", new SandboxState.AwaitingLanding(SANDBOX, CAUSE, true, true));
        states.put("AwaitingLanding, asking", new SandboxState.AwaitingLanding(SANDBOX, CAUSE, false, true));
        states.put("Connecting", new SandboxState.Connecting(SANDBOX, VM));
        states.put("Ready", new SandboxState.Ready(SANDBOX, VM));
        states.put("Stopping", new SandboxState.Stopping(SANDBOX, CAUSE, Optional.of(VM), false, false));
        states.put("Stopping, VM gone", new SandboxState.Stopping(SANDBOX, CAUSE, Optional.of(VM), true, false));
        states.put("Stopping, released", new SandboxState.Stopping(SANDBOX, CAUSE, Optional.of(VM), false, true));
        states.put(
                "Stopping, VM gone, released", new SandboxState.Stopping(SANDBOX, CAUSE, Optional.of(VM), true, true));
        states.put("Gone", new SandboxState.Gone(SANDBOX, CAUSE));
        return states;
    }

    static Map<String, SandboxEvent> events() {
        Map<String, SandboxEvent> events = new LinkedHashMap<>();
        events.put("CreateRequested", new SandboxEvent.CreateRequested(SANDBOX));
        events.put("StartRequested", new SandboxEvent.StartRequested());
        events.put("StopRequested", new SandboxEvent.StopRequested());
        events.put("VmCreated", new SandboxEvent.VmCreated(VM));
        events.put("CreateFailed, for good", new SandboxEvent.CreateFailed(REJECTED));
        events.put("CreateFailed, may pass", new SandboxEvent.CreateFailed(THROTTLED));
        events.put("CreateFailed, outcome unknown", new SandboxEvent.CreateFailed(UNKNOWN));
        events.put("RetryDue", new SandboxEvent.RetryDue());
        events.put("VmFound", new SandboxEvent.VmFound(VM));
        events.put("NothingLanded", new SandboxEvent.NothingLanded());
        events.put("GuestReady", new SandboxEvent.GuestReady());
        events.put("ConnectFailed", new SandboxEvent.ConnectFailed(TROUBLE));
        events.put("GuestLost", new SandboxEvent.GuestLost(TROUBLE));
        events.put("Orphaned", new SandboxEvent.Orphaned(TROUBLE));
        events.put("VmAbsent", new SandboxEvent.VmAbsent());
        events.put("DeletionUnderWay", new SandboxEvent.DeletionUnderWay(1));
        events.put("DeleteFailed", new SandboxEvent.DeleteFailed(1, THROTTLED));
        events.put("Released", new SandboxEvent.Released());
        events.put("ReleaseFailed", new SandboxEvent.ReleaseFailed(1, TROUBLE));
        return events;
    }

    static List<SandboxFact> facts() {
        return List.of(
                new SandboxFact.Prepared(SANDBOX),
                new SandboxFact.LaunchIntended(),
                new SandboxFact.CreateCallFailed(UNKNOWN),
                new SandboxFact.Launched(VM),
                new SandboxFact.Connected(),
                new SandboxFact.StopIntended(CAUSE),
                new SandboxFact.Landed(Optional.of(VM)),
                new SandboxFact.VmDeleted(),
                new SandboxFact.Cleaned(),
                new SandboxFact.Ended());
    }
}
