// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Backoff;
import io.peerpod.sandbox.OrphanSweep;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.SandboxState;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a daemon looks at from time to time: orphans in the cloud, VMs of running pods, sandboxes without a shim. */
final class Watches {
    static final Duration GRACE = OrphanSweep.grace(
            Duration.ofMillis(SimulatedCloud.LONGEST_CALL), Duration.ofMillis(SimulatedCloud.LANDING_WINDOW));
    private static final int SWEEP_EVERY = 5_000;
    private static final int LOOK_EVERY = 4_000;
    private static final int CONFIRM = 2_000;

    private final Node node;
    private final World world;
    private final Map<String, Long> seenSince = new HashMap<>();

    private Watches(Node node) {
        this.node = node;
        this.world = node.world;
    }

    static void start(Node node) {
        Watches watches = new Watches(node);
        node.later(node.latency(), watches::sweep);
        node.later(LOOK_EVERY, watches::look);
    }

    private void sweep() {
        boolean cloudFirst = node.rules.cloudFirst();
        OrphanSweep.Known before = node.known();
        if (!cloudFirst) {
            node.later(node.latency() * 4L, () -> judge(node.cloud.list(world.now), before));
        } else {
            List<PodVm> listed = node.cloud.list(world.now);
            node.later(node.latency() * 4L, () -> judge(listed, node.known()));
        }
        node.later(SWEEP_EVERY, this::sweep);
    }

    private void judge(List<PodVm> listed, OrphanSweep.Known known) {
        if (listed.isEmpty()) {
            return;
        }
        Map<String, Duration> watched = new HashMap<>();
        for (PodVm vm : listed) {
            long since = seenSince.computeIfAbsent(vm.id(), _ -> world.now);
            watched.put(vm.id(), Duration.ofMillis(world.now - since));
        }
        Instant now = world.clock.instant();
        for (OrphanSweep.Verdict verdict : node.rules.judge(listed, known, watched, now, GRACE)) {
            if (verdict.kind() == OrphanSweep.Kind.ORPHAN) {
                PodVm vm = verdict.vm();
                boolean old = vm.createdAt()
                        .map(at -> Duration.between(at, now).compareTo(GRACE) >= 0)
                        .orElse(false);
                Violation.unless(
                        old || watched.getOrDefault(vm.id(), Duration.ZERO).compareTo(GRACE) >= 0,
                        "the sweep deletes " + vm.id() + ", which a call may still be about");
                remove(vm.token(), 1);
            }
        }
    }

    private void remove(LaunchToken token, int attempt) {
        if (attempt == 1 && !node.sweeping.add(token.sandboxId())) {
            return;
        }
        if (attempt == 1 && node.rules.cloudFirst() && node.known().journals().contains(token)) {
            node.sweeping.remove(token.sandboxId());
            return;
        }
        node.later(node.latency(), () -> {
            world.tell(token.sandboxId(), "the sweep deletes " + token.instanceName());
            node.noPodLosesItsVm(token);
            Duration pause = switch (node.cloud.delete(token, attempt, world.now)) {
                case SandboxEvent.VmAbsent _ -> Duration.ZERO;
                case SandboxEvent.DeleteFailed(int _, var failure) -> Backoff.after(failure, attempt);
                default -> Backoff.whileDeleting(attempt);
            };
            if (pause.isZero()) {
                node.sweeping.remove(token.sandboxId());
            } else {
                node.later(pause.toMillis(), () -> remove(token, attempt + 1));
            }
        });
    }

    private void look() {
        List<PodVm> listed = List.of();
        boolean asked = false;
        for (Node.Mailbox mailbox : List.copyOf(node.mailboxes.values())) {
            if (mailbox.state instanceof SandboxState.Ready ready) {
                if (!asked) {
                    listed = node.cloud.list(world.now);
                    asked = true;
                }
                PodVm vm = ready.vm();
                if (listed.stream().noneMatch(one -> one.id().equals(vm.id())) && isMissing(vm)) {
                    node.later(CONFIRM, () -> confirm(mailbox, vm));
                }
            }
            if (node.honest
                    && (mailbox.state instanceof SandboxState.Ready
                            || mailbox.state instanceof SandboxState.Prepared)) {
                node.tell(mailbox, new SandboxEvent.Orphaned(Shims.TROUBLE));
            }
        }
        node.later(LOOK_EVERY, this::look);
    }

    private boolean isMissing(PodVm vm) {
        return node.cloud
                .find(vm.token(), world.now)
                .filter(found -> found.id().equals(vm.id()))
                .isEmpty();
    }

    private void confirm(Node.Mailbox mailbox, PodVm vm) {
        if (isMissing(vm) && mailbox.state instanceof SandboxState.Ready) {
            Violation.unless(!node.cloud.isThere(vm), "the watch ends " + mailbox.id + ", whose VM is there");
            node.tell(mailbox, new SandboxEvent.GuestLost(Shims.TROUBLE));
        }
    }
}
