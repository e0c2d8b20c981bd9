// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.netlink.RouteNetlink;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.provider.PodVmSpec;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileLockInterruptionException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The local cloud: a pod VM is a tree of processes in namespaces of this machine. It lives on without the daemon and is found again
 * through the {@link VmStore}. Several processes may use one state folder; calls for one VM take turns.
 */
final class LocalCloudProvider implements CloudProvider {
    static final String NAME = "local";

    private static final Logger log = LoggerFactory.getLogger(LocalCloudProvider.class);

    /** How often a create looks whether another process has come further with the same VM. */
    private static final Duration TURN_PAUSE = Duration.ofMillis(20);

    private static final Duration LANDING_WINDOW = Duration.ofSeconds(1);

    /** Making a VM takes a tenth of a second; a machine that is starved of everything has this long. */
    private static final Duration LONGEST_CALL = Duration.ofMinutes(1);

    private final LocalConfig config;
    private final VmStore store;
    private final VmLauncher launcher;
    private final VmRemover remover;
    private final ConsoleTrimmer trimmer;

    LocalCloudProvider(LocalConfig config) {
        this(config, RouteNetlink::open);
    }

    /** With VMs connected to another network than this process's own. */
    LocalCloudProvider(LocalConfig config, VmLinks.Host host) {
        VmLinks links = new VmLinks(host);
        this.config = config;
        this.store = new VmStore(config.state());
        this.remover = new VmRemover(store, links);
        this.launcher = new VmLauncher(config, store, links);
        this.trimmer = ConsoleTrimmer.start(store);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public PodVm create(LaunchToken token, PodVmSpec spec) throws CloudException, InterruptedException {
        return call("create", token.instanceName(), () -> {
            ReentrantLock turn = Turns.of(store.folder(token.instanceName()));
            turn.lockInterruptibly();
            try {
                return createInTurn(token, spec);
            } finally {
                turn.unlock();
            }
        });
    }

    private PodVm createInTurn(LaunchToken token, PodVmSpec spec)
            throws IOException, CloudException, InterruptedException {
        launcher.checkRights();
        while (true) {
            Optional<VmRecord> known = store.find(token.instanceName());
            if (known.isEmpty()) {
                Optional<VmRecord> reserved = launcher.reserve(token, spec);
                if (reserved.isPresent()) {
                    return launch(reserved.get(), spec);
                }
                continue;
            }
            VmRecord record = known.get();
            if (!record.token().equals(token)) {
                throw new CloudException(new CloudFailure.Rejected(
                        "pod VM " + token.instanceName() + " belongs to sandbox "
                                + record.token().sandboxId() + ", so sandbox " + token.sandboxId()
                                + " cannot have a VM of this name; this is a fault of the name's making",
                        CloudFailure.Actor.US));
            }
            if (record.phase() == VmRecord.Phase.RUNNING) {
                return VmView.of(record, false);
            }
            if (isMadeElsewhere(record)) {
                Thread.sleep(TURN_PAUSE);
            } else {
                log.atInfo()
                        .addKeyValue("instance", token.instanceName())
                        .log(
                                "removing what an earlier create or delete that did not come to its end left of the pod VM");
                remover.remove(record);
            }
        }
    }

    private PodVm launch(VmRecord reserved, PodVmSpec spec) throws IOException, CloudException, InterruptedException {
        try {
            VmRecord running = launcher.launch(reserved, spec);
            return VmView.of(running, false);
        } catch (IOException | CloudException | InterruptedException | RuntimeException e) {
            // The rest is done even though somebody asked this thread to stop: nothing may leak because of that.
            boolean interrupted = Thread.interrupted();
            CloudFailure failure = launcher.explain(reserved, e);
            try {
                remover.remove(reserved);
            } catch (IOException | InterruptedException | RuntimeException left) {
                e.addSuppressed(left);
                log.atWarn()
                        .addKeyValue("instance", reserved.token().instanceName())
                        .setCause(left)
                        .log("what a failed create left could not be removed; the delete of the pod VM tries it again");
            }
            if (interrupted || e instanceof InterruptedException || isInterrupt(e)) {
                Thread.interrupted();
                throw e instanceof InterruptedException own ? own : interruption(e);
            }
            throw new CloudException(failure, e);
        }
    }

    @Override
    public Optional<PodVm> find(LaunchToken token) throws CloudException, InterruptedException {
        return call(
                "find",
                token.instanceName(),
                () -> store.find(token.instanceName())
                        .filter(record -> record.token().equals(token))
                        .map(this::view));
    }

    @Override
    public List<PodVm> list(Owner owner) throws CloudException, InterruptedException {
        return call("list", owner.cluster() + "/" + owner.node(), () -> {
            List<PodVm> vms = new ArrayList<>();
            for (VmRecord record : store.all()) {
                if (record.owner().equals(owner)) {
                    vms.add(view(record));
                }
            }
            return vms;
        });
    }

    @Override
    public Deletion delete(LaunchToken token) throws CloudException, InterruptedException {
        return call("delete", token.instanceName(), () -> {
            ReentrantLock turn = Turns.of(store.folder(token.instanceName()));
            turn.lockInterruptibly();
            try {
                Optional<VmRecord> record = store.find(token.instanceName());
                if (record.isEmpty()) {
                    remover.tidy(token.instanceName());
                    return Deletion.ABSENT;
                }
                if (!record.get().token().equals(token)) {
                    return Deletion.ABSENT;
                }
                return remover.remove(record.get());
            } finally {
                turn.unlock();
            }
        });
    }

    /** A create writes its record before anything else, so one that died with its process has left either a record or nothing. */
    @Override
    public Duration landingWindow() {
        return LANDING_WINDOW;
    }

    @Override
    public Duration longestCall() {
        return LONGEST_CALL;
    }

    @Override
    public void close() {
        trimmer.close();
    }

    private PodVm view(VmRecord record) {
        return VmView.of(
                record,
                isMadeElsewhere(record)
                        || Turns.isTaken(store.folder(record.token().instanceName())));
    }

    /** Whether another live process is making this VM. */
    private static boolean isMadeElsewhere(VmRecord record) {
        return record.phase() == VmRecord.Phase.CREATING
                && record.creator().isAlive()
                && !record.creator().equals(ProcessIdentity.self());
    }

    private interface Call<T> {
        T run() throws IOException, CloudException, InterruptedException;
    }

    private <T> T call(String verb, String object, Call<T> call) throws CloudException, InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException(verb + " of " + object + " was interrupted before it began");
        }
        try {
            return call.run();
        } catch (IOException e) {
            if (isInterrupt(e)) {
                Thread.interrupted();
                throw interruption(e);
            }
            throw new CloudException(
                    new CloudFailure.Rejected(
                            "the local cloud could not " + verb + " pod VM " + object + ": " + e.getMessage()
                                    + " (its record is in " + config.state() + ")",
                            CloudFailure.Actor.OPERATOR),
                    e);
        }
    }

    private static boolean isInterrupt(Throwable thrown) {
        return thrown instanceof ClosedByInterruptException || thrown instanceof FileLockInterruptionException;
    }

    private static InterruptedException interruption(Throwable cause) {
        InterruptedException interrupted = new InterruptedException("interrupted while a file was written or locked");
        interrupted.initCause(cause);
        return interrupted;
    }
}
