// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.sweep;

import io.peerpod.node.effect.CallLimit;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.Mailbox;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure.Actor;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.SandboxState;
import io.peerpod.sandbox.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices that the VM of a running pod failed or was deleted behind our back, also where its connection just hangs. One listing for all pods of
 * the worker; only a VM that is missing from it is asked for by its token, twice, since a listing can be stale.
 */
public final class VmWatch implements AutoCloseable {
    /** Between the two questions after a VM that a listing does not show. */
    static final Duration CONFIRM = Duration.ofSeconds(2);

    private static final Logger log = LoggerFactory.getLogger(VmWatch.class);

    private final CloudProvider provider;
    private final Owner owner;
    private final Sandboxes sandboxes;
    private final Duration interval;
    private final Thread thread;

    private VmWatch(CloudProvider provider, Owner owner, Sandboxes sandboxes, Duration interval) {
        this.provider = provider;
        this.owner = owner;
        this.sandboxes = sandboxes;
        this.interval = interval;
        this.thread = Thread.ofVirtual().name("vm-watch").unstarted(this::run);
    }

    /** Watches from now on; an interval of zero means not to. */
    public static VmWatch start(CloudProvider provider, Owner owner, Sandboxes sandboxes, Duration interval) {
        VmWatch watch = new VmWatch(provider, owner, sandboxes, interval);
        if (!interval.isZero()) {
            watch.thread.start();
        }
        return watch;
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private record Running(Mailbox mailbox, SandboxState.Ready state) {}

    private void run() {
        try {
            while (true) {
                Thread.sleep(interval);
                try {
                    look();
                } catch (CloudException e) {
                    log.atDebug().addKeyValue("failure", e.getMessage()).log("the cloud did not list the running VMs");
                } catch (RuntimeException e) {
                    log.atError().setCause(e).log("looking at the running VMs broke down; it is tried again");
                }
            }
        } catch (InterruptedException e) {
            log.atDebug().log("no longer looking at the running VMs");
        }
    }

    private void look() throws CloudException, InterruptedException {
        List<Running> running = running();
        if (running.isEmpty()) {
            return;
        }
        Map<String, PodVm> listed = new HashMap<>();
        CallLimit.run(provider.longestCall(), "the list of this worker's pod VMs", () -> provider.list(owner))
                .forEach(vm -> listed.put(vm.id(), vm));
        List<Running> missing = new ArrayList<>();
        for (Running pod : running) {
            PodVm seen = listed.get(pod.state().vm().id());
            if (seen == null) {
                missing.add(pod);
            } else if (seen.state() == PodVm.State.FAILED) {
                failed(pod, seen);
            }
        }
        if (!missing.isEmpty()) {
            missing.removeIf(this::isThere);
            Thread.sleep(missing.isEmpty() ? Duration.ZERO : CONFIRM);
            missing.removeIf(this::isThere);
            missing.forEach(this::deleted);
        }
    }

    private List<Running> running() {
        List<Running> running = new ArrayList<>();
        for (Mailbox mailbox : sandboxes.all()) {
            if (mailbox.state() instanceof SandboxState.Ready ready) {
                running.add(new Running(mailbox, ready));
            }
        }
        return running;
    }

    /** Whether the VM is there after all, or nothing is known. */
    private boolean isThere(Running pod) {
        try {
            Optional<PodVm> found = CallLimit.run(
                    provider.longestCall(),
                    "the search for " + about(pod),
                    () -> provider.find(pod.state().sandbox().token()));
            // A create that landed late may have made another one under the same token: the pod ran in the first.
            return found.filter(vm -> vm.id().equals(pod.state().vm().id())).isPresent();
        } catch (CloudException e) {
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        }
    }

    private void deleted(Running pod) {
        lost(
                pod,
                "vm-missing",
                about(pod) + " is not in the cloud any more: somebody deleted it while the pod was running."
                        + " The pod ends and can be started again",
                Actor.OPERATOR);
    }

    private void failed(Running pod, PodVm seen) {
        String why = seen.failure().map(failure -> failure.message()).orElse("the cloud gives no reason");
        lost(
                pod,
                "vm-failed",
                about(pod) + " failed while the pod was running: " + why + ". The pod ends; its VM is being deleted",
                seen.failure().map(failure -> failure.actor()).orElse(Actor.CLOUD));
    }

    private static void lost(Running pod, String kind, String message, Actor actor) {
        if (!(pod.mailbox().state() instanceof SandboxState.Ready)) {
            // It is being stopped meanwhile, which is why its VM goes.
            return;
        }
        Trouble trouble = new Trouble(message, actor);
        log.atWarn()
                .addKeyValue("sandbox", pod.state().sandbox().id())
                .addKeyValue("instance", pod.state().vm().id())
                .addKeyValue("failure", message)
                .log("a running pod lost its VM");
        pod.mailbox().note(Note.failed(Stage.VM_CHECKED, pod.state().vm().id(), Note.Failure.of(kind, trouble)));
        pod.mailbox().tell(new SandboxEvent.GuestLost(trouble));
    }

    private static String about(Running pod) {
        return "pod VM " + pod.state().sandbox().token().instanceName() + " ("
                + pod.state().vm().id() + ") of pod " + pod.state().sandbox().pod();
    }
}
