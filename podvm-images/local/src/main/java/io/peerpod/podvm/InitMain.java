// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm;

import io.grpc.StatusRuntimeException;
import io.peerpod.contract.GuestPaths;
import io.peerpod.contract.health.CheckRequest;
import io.peerpod.contract.health.HealthGrpc;
import io.peerpod.forwarder.provision.GuestFiles;
import io.peerpod.forwarder.provision.Provision;
import io.peerpod.forwarder.provision.ProvisionException;
import io.peerpod.forwarder.provision.Sources;
import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.libc.OrphanReaper;
import io.peerpod.options.Installation;
import io.peerpod.podvm.agent.GuestMachine;
import io.peerpod.podvm.agent.StandInAgent;
import io.peerpod.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The first process of a pod VM of the local cloud, program {@code podvm-init}: provisions, makes the pod's network namespace, starts
 * the stand-in agent and the forwarder, and looks after them until it is asked to end. What it does is on standard error, which is the
 * VM's console.
 */
public final class InitMain {
    private static final Logger log = LoggerFactory.getLogger(InitMain.class);

    private static final String FORWARDER = "agent-protocol-forwarder";

    private static final Path RUN = Path.of("/run/peerpod");

    /** Before a forwarder that ended is started again, as {@code RestartSec=100ms} in a unit. */
    private static final Duration FORWARDER_PAUSE = Duration.ofMillis(100);

    private InitMain() {}

    /** Runs until SIGTERM. Takes no arguments; exit code 1 says that the VM cannot work, with the reason on the console. */
    public static void main(String[] arguments) {
        Optional<Installation> installation = Installation.current();
        if (arguments.length > 0 || installation.isEmpty()) {
            System.err.println(
                    "podvm-init: takes no arguments and is started by the local cloud, through bin/podvm-init of an installation");
            System.exit(1);
            return;
        }
        try {
            run(installation.get());
        } catch (IOException | ProvisionException e) {
            log.atError().setCause(e).log("the pod VM cannot start: " + e.getMessage());
            System.exit(1);
        } catch (InterruptedException e) {
            log.atError().log("the pod VM's start was interrupted");
            System.exit(1);
        }
    }

    private static void run(Installation installation) throws IOException, ProvisionException, InterruptedException {
        log.atInfo().log("pod VM of the local cloud starts, with the " + StandInAgent.VERSION);
        OrphanReaper.start();
        // The three have nothing to do with one another until the forwarder needs all of them.
        CompletableFuture<Void> agent = new CompletableFuture<>();
        AgentSupervisor supervisor = new AgentSupervisor(StandInAgent.FOLDER, GuestMachine.real(), agent);
        CompletableFuture<Void> network = start(
                "pod-network",
                () -> NetworkNamespace.create(Path.of(GuestPaths.POD_NETNS)).close());
        Provision.Outcome outcome = new Provision(Sources.file(GuestFiles.ofThisMachine()), GuestFiles.ofThisMachine())
                .run(Provision.DEFAULT_TIMEOUT);
        log.atInfo()
                .addKeyValue("files", outcome.written())
                .addKeyValue("skipped", outcome.skipped())
                .log("provisioned from " + outcome.source().orElse("nothing"));
        join(network);
        join(agent);
        List<String> command = new ArrayList<>(installation.command(FORWARDER));
        command.addAll(List.of("-pod-namespace", GuestPaths.POD_NETNS, "-kata-agent-socket", GuestPaths.AGENT_SOCKET));
        ChildSupervisor forwarder = ChildSupervisor.start(FORWARDER, command, keptDescriptors(), FORWARDER_PAUSE);
        Runtime.getRuntime()
                .addShutdownHook(Thread.ofPlatform().name("end").unstarted(() -> end(forwarder, supervisor)));
        onHangUp(supervisor::crash);
        log.atInfo().log("pod VM is up");
        rehearse();
        new CountDownLatch(1).await();
    }

    /** Without them a forwarder that is killed ends the pod; the VM is of use all the same. */
    private static Map<String, String> keptDescriptors() {
        try {
            return DescriptorStore.serve(RUN).environment();
        } catch (IOException | RuntimeException e) {
            log.atError().addKeyValue("failure", e.toString()).log("no descriptors are kept for the forwarder");
            return Map.of();
        }
    }

    /** Asks the agent once while the forwarder starts: a real one answers its first call as fast as any, this one's run-time has to load its classes first. */
    private static void rehearse() {
        try (TtrpcChannel agent = TtrpcChannel.connect(Path.of(GuestPaths.AGENT_SOCKET))) {
            var _ = HealthGrpc.newBlockingStub(agent).check(CheckRequest.getDefaultInstance());
        } catch (IOException | StatusRuntimeException e) {
            log.atWarn().addKeyValue("failure", e.getMessage()).log("the agent did not answer its own init");
        }
    }

    /** SIGHUP, for tests of what a dead agent looks like; by reflection, since the compiler warns of every use of that class. */
    private static void onHangUp(Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object listener =
                    Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, (_, method, _) -> {
                        if (method.getName().equals("handle")) {
                            Thread.ofVirtual().start(action);
                        }
                        return method.getName().equals("hashCode") ? Integer.valueOf(1) : null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance("HUP"), listener);
        } catch (ReflectiveOperationException e) {
            log.atDebug().addKeyValue("failure", e.toString()).log("this JDK tells of no signals");
        }
    }

    /** SIGTERM: first who serves, then what is served. */
    private static void end(ChildSupervisor forwarder, AgentSupervisor agent) {
        log.atInfo().log("asked to end: ending the forwarder, then the agent and its containers");
        try {
            forwarder.stop();
            agent.stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private interface Step {
        void run() throws IOException;
    }

    private static CompletableFuture<Void> start(String name, Step step) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Thread.ofVirtual().name(name).start(() -> {
            try {
                step.run();
                done.complete(null);
            } catch (IOException | RuntimeException e) {
                done.completeExceptionally(e);
            }
        });
        return done;
    }

    private static void join(CompletableFuture<Void> step) throws IOException, InterruptedException {
        try {
            step.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failed) {
                throw failed;
            }
            throw new IOException(e.getCause());
        }
    }
}
