// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * A cloud that lies, in virtual milliseconds: answers are lost, creates land late, a delete overtakes its create. A token makes one
 * VM: a create that lands beside a VM of its token, or is answered by one, has done its work.
 */
final class SimulatedCloud {
    /** A lost create lands within this time or never. */
    static final long LANDING_WINDOW = 10_000;

    private final Random random;
    private final Map<LaunchToken, Long> vms = new HashMap<>();
    private final Map<LaunchToken, Long> landings = new HashMap<>();
    private final Map<LaunchToken, Long> deletions = new HashMap<>();
    private boolean honest;
    private long made;

    SimulatedCloud(Random random) {
        this.random = random;
    }

    /** From now on every answer is prompt and true; what is on its way still lands. */
    void behave() {
        honest = true;
    }

    /** Lets what is on its way arrive. */
    void advance(long now) {
        landings.entrySet().removeIf(landing -> {
            if (landing.getValue() > now) {
                return false;
            }
            vms.computeIfAbsent(landing.getKey(), _ -> ++made);
            return true;
        });
        deletions.entrySet().removeIf(deletion -> {
            if (deletion.getValue() > now) {
                return false;
            }
            vms.remove(deletion.getKey());
            return true;
        });
    }

    SandboxEvent create(LaunchToken token, long now) {
        int dice = honest ? 0 : random.nextInt(10);
        if (dice < 5 || vms.containsKey(token)) {
            landings.remove(token);
            vms.computeIfAbsent(token, _ -> ++made);
            return new SandboxEvent.VmCreated(vm(token));
        }
        return new SandboxEvent.CreateFailed(
                switch (dice) {
                    case 5 -> new CloudFailure.Rejected("no such image", Actor.USER);
                    case 6 -> new CloudFailure.Throttled("slow down", Optional.empty());
                    case 7 -> new CloudFailure.Unreachable("no route");
                    case 8 -> new CloudFailure.OutcomeUnknown("lost, never arrived");
                    default -> {
                        land(token, now + random.nextLong(LANDING_WINDOW));
                        yield new CloudFailure.OutcomeUnknown("lost, and arrives late");
                    }
                });
    }

    /** A create whose caller died: it may have been sent. */
    void cutOff(LaunchToken token, long now) {
        if (random.nextBoolean() && !vms.containsKey(token)) {
            land(token, now + random.nextLong(LANDING_WINDOW));
        }
    }

    private void land(LaunchToken token, long when) {
        landings.merge(token, when, Math::min);
    }

    Optional<PodVm> find(LaunchToken token) {
        return vms.containsKey(token) ? Optional.of(vm(token)) : Optional.empty();
    }

    SandboxEvent delete(LaunchToken token, int attempt, long now) {
        int dice = honest ? 0 : random.nextInt(6);
        if (dice == 4) {
            return new SandboxEvent.DeleteFailed(attempt, new CloudFailure.Unauthorised("token expired"));
        }
        if (!vms.containsKey(token)) {
            return new SandboxEvent.VmAbsent();
        }
        deletions.merge(token, now + random.nextLong(3_000), Math::min);
        return dice == 5
                ? new SandboxEvent.DeleteFailed(attempt, new CloudFailure.OutcomeUnknown("lost"))
                : new SandboxEvent.DeletionUnderWay(attempt);
    }

    /** Tokens of which there is, or will be, something. */
    List<LaunchToken> tokens() {
        List<LaunchToken> tokens = new ArrayList<>(vms.keySet());
        tokens.addAll(landings.keySet());
        return tokens;
    }

    private PodVm vm(LaunchToken token) {
        return new PodVm(
                "vm-" + vms.get(token), token, PodVm.State.RUNNING, List.of(), Optional.empty(), Optional.empty());
    }
}
