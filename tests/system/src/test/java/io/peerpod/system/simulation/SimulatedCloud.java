// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.SandboxEvent;
import java.net.InetAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A cloud that lies, in virtual milliseconds: answers are lost, creates land late, a delete overtakes its create, lists and searches are stale, calls are throttled,
 * refused or run out of capacity, VMs vanish. Under one token there is one VM at a time: a create that meets it is answered by it, one that lands beside it
 * has done its work.
 */
final class SimulatedCloud {
    /** What was asked for appears within this time after the call ended, or never. */
    static final int LANDING_WINDOW = 10_000;

    static final int LONGEST_CALL = 2_000;
    /** How old a list or the answer of a search can be. */
    private static final int STALENESS = 1_500;

    private static final List<InetAddress> ADDRESSES = List.of(InetAddress.ofLiteral("192.0.2.7"));

    private final Dice dice;
    private final List<Vm> vms = new ArrayList<>();
    private final List<Landing> landings = new ArrayList<>();
    private final List<Removal> removals = new ArrayList<>();
    /** Where somebody was shown what is not there any more, while a lost create may bring forth another. */
    private final Set<LaunchToken> meddledWith = new HashSet<>(2);

    private boolean honest;
    private int made;
    /** How many VMs are there now. */
    private int there;

    /** A create that is still on its way. */
    private static final class Landing {
        private final LaunchToken token;
        private final long due;
        private final long tagMillis;
        private boolean excused;

        Landing(LaunchToken token, long due, long tagMillis, boolean excused) {
            this.token = token;
            this.due = due;
            this.tagMillis = tagMillis;
            this.excused = excused;
        }
    }

    private record Removal(Vm vm, long due) {}

    SimulatedCloud(Dice dice) {
        this.dice = dice;
    }

    /** From now on every answer is prompt and true; what is on its way still lands. */
    void behave() {
        honest = true;
    }

    /** Lets what is on its way arrive. */
    void advance(long now) {
        for (int i = 0; i < landings.size(); i++) {
            Landing landing = landings.get(i);
            if (landing.due <= now) {
                landings.remove(i);
                if (present(landing.token) == null) {
                    make(landing.token, landing.tagMillis, now, landing.excused);
                }
                i = -1;
            }
        }
        for (int i = 0; i < removals.size(); i++) {
            if (removals.get(i).due <= now) {
                Vm vm = removals.remove(i--).vm;
                gone(vm, now);
            }
        }
    }

    private void gone(Vm vm, long now) {
        if (vm.goneAt == Long.MAX_VALUE) {
            vm.goneAt = now;
            there--;
        }
    }

    private Vm make(LaunchToken token, long tagMillis, long now, boolean excused) {
        made++;
        PodVm shown = new PodVm(
                "vm-" + made,
                token,
                PodVm.State.RUNNING,
                ADDRESSES,
                dice.oneIn(8) ? Optional.empty() : Optional.of(Instant.ofEpochMilli(tagMillis)),
                Optional.empty());
        Vm vm = new Vm(shown, tagMillis, now, excused);
        vms.add(vm);
        there++;
        // What earlier calls under the token asked for is this VM; now and then one of them comes again all the same.
        if (landings.isEmpty()) {
            return vm;
        }
        landings.removeIf(landing -> {
            if (!landing.token.equals(token)) {
                return false;
            }
            landing.excused = true;
            return honest || !dice.oneIn(8);
        });
        return vm;
    }

    /** The VM of the token that is there now. */
    private @org.jspecify.annotations.Nullable Vm present(LaunchToken token) {
        for (Vm vm : vms) {
            if (vm.goneAt == Long.MAX_VALUE && vm.shown.token().equals(token)) {
                return vm;
            }
        }
        return null;
    }

    /** A create call ends. */
    SandboxEvent create(LaunchToken token, long tagMillis, long now) {
        int chance = honest ? 0 : dice.below(16);
        Vm there = present(token);
        if (there != null || chance < 7) {
            return new SandboxEvent.VmCreated((there == null ? make(token, tagMillis, now, false) : there).shown);
        }
        return new SandboxEvent.CreateFailed(
                switch (chance) {
                    case 7 -> new CloudFailure.Rejected("no such image", Actor.USER);
                    case 8 -> new CloudFailure.OutOfCapacity("none left", Actor.CLOUD);
                    case 9 -> new CloudFailure.Throttled("slow down", Optional.empty());
                    case 10 -> new CloudFailure.Unreachable("no route");
                    case 11 -> new CloudFailure.Unauthorised("expired");
                    case 12 -> new CloudFailure.OutcomeUnknown("lost, never arrived");
                    case 13 -> {
                        make(token, tagMillis, now, false);
                        yield new CloudFailure.OutcomeUnknown("status 500, and made");
                    }
                    default -> {
                        comesLater(token, tagMillis, now);
                        yield new CloudFailure.OutcomeUnknown("lost, and arrives late");
                    }
                });
    }

    /** A create whose caller died: it may have been sent. */
    void cutOff(LaunchToken token, long tagMillis, long now) {
        if (dice.oneIn(2)) {
            comesLater(token, tagMillis, now);
        }
    }

    private void comesLater(LaunchToken token, long tagMillis, long now) {
        boolean settled = present(token) != null;
        if (!settled || dice.oneIn(8)) {
            boolean excused = settled || meddledWith.contains(token);
            landings.add(new Landing(token, now + dice.below(LANDING_WINDOW), tagMillis, excused));
        }
    }

    /** Asks for a VM; the answer may be a little old. */
    Optional<PodVm> find(LaunchToken token, long now) {
        long then = now - staleness();
        for (Vm vm : vms) {
            if (vm.isThere(then) && vm.shown.token().equals(token)) {
                if (!vm.isThere(now)) {
                    excuse(token);
                }
                return Optional.of(vm.shown);
            }
        }
        return Optional.empty();
    }

    List<PodVm> list(long now) {
        long then = now - staleness();
        List<PodVm> listed = new ArrayList<>(2);
        for (Vm vm : vms) {
            if (vm.isThere(then)) {
                listed.add(vm.shown);
            }
        }
        return listed;
    }

    private int staleness() {
        return honest || dice.oneIn(2) ? 0 : dice.below(STALENESS);
    }

    SandboxEvent delete(LaunchToken token, int attempt, long now) {
        int chance = honest ? 0 : dice.below(8);
        if (chance == 4) {
            return new SandboxEvent.DeleteFailed(attempt, new CloudFailure.Unauthorised("token expired"));
        }
        if (chance == 5) {
            return new SandboxEvent.DeleteFailed(attempt, new CloudFailure.Throttled("slow down", Optional.empty()));
        }
        Vm vm = present(token);
        if (vm == null) {
            return new SandboxEvent.VmAbsent();
        }
        if (chance == 6) {
            return new SandboxEvent.DeleteFailed(attempt, new CloudFailure.OutcomeUnknown("lost, never arrived"));
        }
        if (!vm.leaving) {
            vm.leaving = true;
            removals.add(new Removal(vm, now + dice.below(2_000)));
        }
        return chance == 7
                ? new SandboxEvent.DeleteFailed(attempt, new CloudFailure.OutcomeUnknown("lost, and done"))
                : new SandboxEvent.DeletionUnderWay(attempt);
    }

    /** Somebody deletes a VM behind our back. */
    void vanish(long now) {
        for (Vm vm : vms) {
            if (vm.goneAt == Long.MAX_VALUE) {
                gone(vm, now);
                excuse(vm.shown.token());
                return;
            }
        }
    }

    /** Whoever was shown what is not there any more believes that its create has landed: the sweep has to find what comes. */
    private void excuse(LaunchToken token) {
        meddledWith.add(token);
        for (Landing landing : landings) {
            if (landing.token.equals(token)) {
                landing.excused = true;
            }
        }
    }

    /** The node loses everything it knew: nobody can answer for what is there or on its way. */
    void excuseAll() {
        vms.forEach(vm -> vm.excused = true);
        landings.forEach(landing -> landing.excused = true);
    }

    boolean isThere(PodVm vm) {
        Vm there = present(vm.token());
        return there != null && there.shown.id().equals(vm.id());
    }

    boolean everMade(PodVm vm) {
        for (Vm one : vms) {
            if (one.shown.id().equals(vm.id()) && one.shown.token().equals(vm.token())) {
                return true;
            }
        }
        return false;
    }

    boolean isEmpty() {
        return landings.isEmpty() && there == 0;
    }

    /** What somebody must answer for. */
    void answeredFor(java.util.function.Consumer<LaunchToken> check) {
        if (there == 0 && landings.isEmpty()) {
            return;
        }
        for (Vm vm : vms) {
            if (vm.goneAt == Long.MAX_VALUE && !vm.excused) {
                check.accept(vm.shown.token());
            }
        }
        for (Landing landing : landings) {
            if (!landing.excused) {
                check.accept(landing.token);
            }
        }
    }

    /** How many different names of VMs there are, or will be, of one sandbox. */
    boolean hasTwoNames(LaunchToken token) {
        for (Vm vm : vms) {
            LaunchToken other = vm.shown.token();
            if (vm.goneAt == Long.MAX_VALUE
                    && other.sandboxId().equals(token.sandboxId())
                    && !other.instanceName().equals(token.instanceName())) {
                return true;
            }
        }
        return false;
    }
}
