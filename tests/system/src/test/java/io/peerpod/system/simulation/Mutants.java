// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Decision;
import io.peerpod.sandbox.IllegalTransitionException;
import io.peerpod.sandbox.OrphanSweep;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxEffect;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.SandboxState;
import io.peerpod.sandbox.StopCause;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Bugs that somebody could make, each in one place: the simulation must find every one of them. */
final class Mutants {
    private static final CloudFailure FOR_GOOD =
            new CloudFailure.Rejected("taken for a refusal", CloudFailure.Actor.US);

    private Mutants() {}

    static Map<String, Rules> all() {
        Map<String, Rules> all = new LinkedHashMap<>();
        all.put("a stop during a create deletes at once, without awaiting the landing", new ForgetsAwaitingLanding());
        all.put("an unknown outcome of a create is read as failure", new ReadsUnknownAsFailure());
        all.put("effects run before their facts are durable", new EffectsFirst());
        all.put("facts are written and not synced", new DoesNotSync());
        all.put("a deletion that is under way is taken for done", new DeletesOnce());
        all.put("a delete that failed is taken for done", new ReadsDeleteFailureAsAbsent());
        all.put("the sweep has no grace", new SweepsTheYoung());
        all.put("the sweep takes an unknown age for old", new SweepsTheUnknown());
        all.put("the sweep looks at the journals before it lists the cloud", new JournalsFirst());
        all.put("a restart creates under another name", new RenamesOnRestart());
        all.put("evolve forgets the VM's id", new ForgetsTheVm());
        all.put("a stop while connecting is ignored", new IgnoresStopWhileConnecting());
        all.put("no capacity is read as landed", new ReadsCapacityAsLanded());
        all.put("a restart does not go on deleting", new ForgetsDeletions());
        all.put("a lost guest is not heeded", new IgnoresLostGuests());
        return all;
    }

    private static final class ForgetsAwaitingLanding implements Rules {
        @Override
        public SandboxState evolve(SandboxState state, SandboxFact fact) {
            return state instanceof SandboxState.Launching launching
                            && fact instanceof SandboxFact.StopIntended(var cause)
                    ? new SandboxState.Stopping(launching.sandbox(), cause, Optional.empty(), false, false)
                    : Rules.super.evolve(state, fact);
        }

        @Override
        public Decision decide(SandboxState state, SandboxEvent event) {
            if (state instanceof SandboxState.Launching && event instanceof SandboxEvent.StopRequested) {
                SandboxFact fact = new SandboxFact.StopIntended(new StopCause.Requested());
                return new Decision(
                        List.of(fact), Rules.super.resume(evolve(state, fact)).effects());
            }
            try {
                return Rules.super.decide(state, event);
            } catch (IllegalTransitionException e) {
                return Decision.NOTHING;
            }
        }
    }

    private static final class ReadsUnknownAsFailure implements Rules {
        @Override
        public Decision decide(SandboxState state, SandboxEvent event) {
            return event instanceof SandboxEvent.CreateFailed(CloudFailure.OutcomeUnknown _)
                    ? Rules.super.decide(state, new SandboxEvent.CreateFailed(FOR_GOOD))
                    : Rules.super.decide(state, event);
        }
    }

    private static final class EffectsFirst implements Rules {
        @Override
        public boolean factsFirst() {
            return false;
        }
    }

    private static final class DoesNotSync implements Rules {
        @Override
        public boolean syncs() {
            return false;
        }
    }

    private static final class DeletesOnce implements Rules {
        @Override
        public Decision decide(SandboxState state, SandboxEvent event) {
            return event instanceof SandboxEvent.DeletionUnderWay
                    ? Rules.super.decide(state, new SandboxEvent.VmAbsent())
                    : Rules.super.decide(state, event);
        }
    }

    private static final class ReadsDeleteFailureAsAbsent implements Rules {
        @Override
        public Decision decide(SandboxState state, SandboxEvent event) {
            return event instanceof SandboxEvent.DeleteFailed
                    ? Rules.super.decide(state, new SandboxEvent.VmAbsent())
                    : Rules.super.decide(state, event);
        }
    }

    private static final class SweepsTheYoung implements Rules {
        @Override
        public List<OrphanSweep.Verdict> judge(
                List<PodVm> listed,
                OrphanSweep.Known known,
                Map<String, Duration> watched,
                Instant now,
                Duration grace) {
            return Rules.super.judge(listed, known, watched, now, Duration.ZERO);
        }
    }

    private static final class SweepsTheUnknown implements Rules {
        @Override
        public List<OrphanSweep.Verdict> judge(
                List<PodVm> listed,
                OrphanSweep.Known known,
                Map<String, Duration> watched,
                Instant now,
                Duration grace) {
            List<PodVm> dated = listed.stream()
                    .map(vm -> new PodVm(
                            vm.id(),
                            vm.token(),
                            vm.state(),
                            vm.addresses(),
                            Optional.of(vm.createdAt().orElse(Instant.EPOCH)),
                            vm.failure()))
                    .toList();
            return Rules.super.judge(dated, known, watched, now, grace).stream()
                    .map(verdict -> new OrphanSweep.Verdict(
                            listed.get(dated.indexOf(verdict.vm())), verdict.kind(), verdict.age(), verdict.reason()))
                    .toList();
        }
    }

    private static final class JournalsFirst implements Rules {
        @Override
        public boolean cloudFirst() {
            return false;
        }
    }

    private static final class RenamesOnRestart implements Rules {
        @Override
        public Decision resume(SandboxState state) {
            if (state instanceof SandboxState.Launching(var sandbox, int _, boolean calling, boolean _) && calling) {
                LaunchToken other =
                        new LaunchToken(sandbox.id(), sandbox.token().instanceName() + "-2");
                return new Decision(
                        List.of(),
                        List.of(new SandboxEffect.CreateVm(new Sandbox(other, sandbox.pod(), sandbox.plan()))));
            }
            return Rules.super.resume(state);
        }
    }

    private static final class ForgetsTheVm implements Rules {
        @Override
        public SandboxState evolve(SandboxState state, SandboxFact fact) {
            if (Rules.super.evolve(state, fact) instanceof SandboxState.Connecting(var sandbox, var vm)) {
                PodVm nameless = new PodVm("", vm.token(), vm.state(), vm.addresses(), vm.createdAt(), vm.failure());
                return new SandboxState.Connecting(sandbox, nameless);
            }
            return Rules.super.evolve(state, fact);
        }
    }

    private static final class IgnoresStopWhileConnecting implements Rules {
        @Override
        public Decision decide(SandboxState state, SandboxEvent event) {
            return state instanceof SandboxState.Connecting && event instanceof SandboxEvent.StopRequested
                    ? Decision.NOTHING
                    : Rules.super.decide(state, event);
        }
    }

    private static final class ReadsCapacityAsLanded implements Rules {
        @Override
        public Decision decide(SandboxState state, SandboxEvent event) {
            if (state instanceof SandboxState.Launching launching
                    && event instanceof SandboxEvent.CreateFailed(CloudFailure.OutOfCapacity _)) {
                PodVm none = new PodVm(
                        "vm-0",
                        launching.sandbox().token(),
                        PodVm.State.CREATING,
                        List.of(),
                        Optional.empty(),
                        Optional.empty());
                return Rules.super.decide(state, new SandboxEvent.VmCreated(none));
            }
            return Rules.super.decide(state, event);
        }
    }

    private static final class ForgetsDeletions implements Rules {
        @Override
        public Decision resume(SandboxState state) {
            return state instanceof SandboxState.Stopping ? Decision.NOTHING : Rules.super.resume(state);
        }
    }

    private static final class IgnoresLostGuests implements Rules {
        @Override
        public Decision decide(SandboxState state, SandboxEvent event) {
            return event instanceof SandboxEvent.GuestLost || event instanceof SandboxEvent.Orphaned
                    ? Decision.NOTHING
                    : Rules.super.decide(state, event);
        }
    }
}
