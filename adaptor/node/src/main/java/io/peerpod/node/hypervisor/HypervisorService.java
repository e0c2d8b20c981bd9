// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.hypervisor;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.peerpod.contract.ContractException;
import io.peerpod.contract.hypervisor.CreateVMRequest;
import io.peerpod.contract.hypervisor.CreateVMResponse;
import io.peerpod.contract.hypervisor.HypervisorGrpc;
import io.peerpod.contract.hypervisor.HypervisorGrpc.HypervisorBlockingStub;
import io.peerpod.contract.hypervisor.StartVMRequest;
import io.peerpod.contract.hypervisor.StartVMResponse;
import io.peerpod.contract.hypervisor.StopVMRequest;
import io.peerpod.contract.hypervisor.StopVMResponse;
import io.peerpod.contract.hypervisor.VersionRequest;
import io.peerpod.contract.hypervisor.VersionResponse;
import io.peerpod.node.journal.JournalException;
import io.peerpod.node.journal.Note;
import io.peerpod.node.journal.Stage;
import io.peerpod.node.mailbox.Mailbox;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.node.plan.RequestReader;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.node.plan.SandboxRequest;
import io.peerpod.node.process.NewerDaemon;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxEvent;
import io.peerpod.sandbox.SandboxState;
import io.peerpod.sandbox.StopCause;
import io.peerpod.ttrpc.TtrpcServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a Kata shim calls. To be served detached from its callers: StartVM goes on when the shim's connection is lost, and StopVM's
 * deletion does not know the shim's deadline of a second.
 */
public final class HypervisorService extends HypervisorGrpc.HypervisorImplBase {
    /** What the reference answers. */
    static final String VERSION = "0.0.0";

    /** How long a failed StartVM waits for its undoing, so that a caller that is told finds nothing left. */
    private static final Duration UNDO_WAIT = Duration.ofSeconds(10);

    /** How long StopVM waits for a disk that takes nothing before it says so. The wish is kept and tried on. */
    private static final Duration STOP_WAIT = Duration.ofSeconds(5);

    private static final Logger log = LoggerFactory.getLogger(HypervisorService.class);

    private final Future<Ready> ready;
    private final NewerDaemon newer;

    /**
     * Waits for the journals in each call.
     *
     * @param ready completes when the journals are read; fails when they cannot be
     * @param newer answers whatever this daemon cannot answer any more
     */
    public HypervisorService(Future<Ready> ready, NewerDaemon newer) {
        this.ready = ready;
        this.newer = newer;
    }

    /** What a call does. */
    @FunctionalInterface
    private interface Call<T> {
        T run() throws ContractException, IOException, ExecutionException, InterruptedException;
    }

    @Override
    public void createVM(CreateVMRequest request, StreamObserver<CreateVMResponse> responses) {
        answer("CreateVM", request.getId(), responses, stub -> stub.createVM(request), () -> {
            SandboxRequest wanted = RequestReader.read(request);
            Sandbox sandbox = create(ready.get(), wanted);
            return CreateVMResponse.newBuilder()
                    .setAgentSocketPath(SandboxPlan.of(sandbox).agentSocket().toString())
                    .build();
        });
    }

    @Override
    public void startVM(StartVMRequest request, StreamObserver<StartVMResponse> responses) {
        answer("StartVM", request.getId(), responses, stub -> stub.startVM(request), () -> {
            start(ready.get(), RequestReader.id("StartVM", request.getId()));
            return StartVMResponse.getDefaultInstance();
        });
    }

    @Override
    public void stopVM(StopVMRequest request, StreamObserver<StopVMResponse> responses) {
        answer("StopVM", request.getId(), responses, stub -> stub.stopVM(request), () -> {
            stop(ready.get().sandboxes(), request.getId());
            return StopVMResponse.getDefaultInstance();
        });
    }

    @Override
    public void version(VersionRequest request, StreamObserver<VersionResponse> responses) {
        responses.onNext(VersionResponse.newBuilder().setVersion(VERSION).build());
        responses.onCompleted();
    }

    private static Sandbox create(Ready ready, SandboxRequest wanted)
            throws ContractException, IOException, ExecutionException, InterruptedException {
        while (true) {
            Mailbox mailbox = ready.sandboxes().open(wanted.sandboxId());
            mailbox.creation().lockInterruptibly();
            try {
                // Whoever held it before may have dropped it, or the sandbox is gone: nobody would find it again.
                if (!ready.sandboxes().isCurrent(mailbox)) {
                    continue;
                }
                Optional<Sandbox> known = SandboxState.sandboxOf(mailbox.state());
                return known.isPresent()
                        ? same(mailbox.state(), known.get(), wanted)
                        : createNew(ready, mailbox, wanted);
            } finally {
                mailbox.creation().unlock();
            }
        }
    }

    private static Sandbox createNew(Ready ready, Mailbox mailbox, SandboxRequest wanted)
            throws ContractException, IOException, ExecutionException, InterruptedException {
        Sandbox sandbox;
        try {
            sandbox = ready.preparation().prepare(wanted);
        } catch (ContractException | IOException | RuntimeException e) {
            ready.sandboxes().drop(mailbox);
            throw e;
        }
        try {
            mailbox.offer(new SandboxEvent.CreateRequested(sandbox)).get();
        } catch (ExecutionException e) {
            ready.sandboxes().drop(mailbox);
            try {
                ready.preparation().undo(sandbox);
            } catch (IOException undo) {
                e.addSuppressed(undo);
            }
            throw e;
        }
        ready.configuration().composeAhead(sandbox);
        return sandbox;
    }

    private static Sandbox same(SandboxState state, Sandbox known, SandboxRequest wanted) {
        if (state instanceof SandboxState.Stopping || state instanceof SandboxState.AwaitingLanding) {
            throw Answers.status(
                    Status.FAILED_PRECONDITION,
                    "sandbox " + known.id() + " of pod " + known.pod() + " is being stopped; use a new sandbox id");
        }
        if (!SandboxPlan.of(known).request().equals(wanted)) {
            throw Answers.status(
                    Status.ALREADY_EXISTS,
                    "sandbox " + known.id() + " exists already for pod " + known.pod()
                            + " and was asked for with other arguments; stop it first, or use a new sandbox id");
        }
        return known;
    }

    private static void start(Ready ready, String id) throws ExecutionException, InterruptedException {
        Mailbox mailbox = ready.sandboxes()
                .find(id)
                .orElseThrow(() -> Answers.status(
                        Status.NOT_FOUND,
                        "there is no sandbox " + id + " here; CreateVM comes first, and StopVM ends it"));
        mailbox.note(Note.of(Stage.START_REQUESTED, ""));
        CompletableFuture<SandboxState> over = mailbox.await(HypervisorService::startIsOver);
        SandboxState state = mailbox.offer(new SandboxEvent.StartRequested()).get();
        if (!startIsOver(state)) {
            state = over.get();
        }
        Optional<StopCause> cause = cause(state);
        if (cause.isEmpty()) {
            return;
        }
        Sandbox sandbox = SandboxState.sandboxOf(state).orElseThrow();
        try {
            mailbox.await(SandboxState.Gone.class::isInstance).get(UNDO_WAIT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            log.atInfo().addKeyValue("sandbox", id).log("undoing a failed start takes longer; the caller is told now");
        }
        throw Answers.notStarted(sandbox, cause.get());
    }

    private static void stop(Sandboxes sandboxes, String id) throws ExecutionException, InterruptedException {
        // An id that is not known is gone already, whatever it looks like.
        Optional<Mailbox> mailbox = sandboxes.find(id);
        if (mailbox.isEmpty()) {
            try {
                sandboxes.stopUnknown(id);
            } catch (JournalException e) {
                throw new ExecutionException(e);
            }
            return;
        }
        mailbox.get().note(Note.of(Stage.STOP_REQUESTED, ""));
        try {
            mailbox.get().offer(new SandboxEvent.StopRequested()).get(STOP_WAIT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw Answers.status(
                    Status.UNAVAILABLE,
                    "that sandbox " + id
                            + " is to be stopped could not be written down yet: see the daemon's log for why the"
                            + " journal takes nothing. It will be stopped as soon as it does");
        }
    }

    private static boolean startIsOver(SandboxState state) {
        return switch (state) {
            case SandboxState.Absent _, SandboxState.Prepared _, SandboxState.Launching _, SandboxState.Connecting _ ->
                false;
            case SandboxState.Ready _ -> true;
            case SandboxState.AwaitingLanding _, SandboxState.Stopping _, SandboxState.Gone _ -> true;
        };
    }

    private static Optional<StopCause> cause(SandboxState state) {
        return switch (state) {
            case SandboxState.AwaitingLanding awaiting -> Optional.of(awaiting.cause());
            case SandboxState.Stopping stopping -> Optional.of(stopping.cause());
            case SandboxState.Gone gone -> Optional.of(gone.cause());
            case SandboxState.Absent _, SandboxState.Prepared _, SandboxState.Launching _ -> Optional.empty();
            case SandboxState.Connecting _, SandboxState.Ready _ -> Optional.empty();
        };
    }

    private <T> void answer(
            String call,
            String id,
            StreamObserver<T> responses,
            Function<HypervisorBlockingStub, T> again,
            Call<T> work) {
        long start = System.nanoTime();
        String shown = id.length() > RequestReader.MAX_ID_CHARACTERS ? id.length() + " characters" : printable(id);
        try {
            T response = newer.isHere() ? newer.ask(again) : here(work, again);
            log.atInfo()
                    .addKeyValue("sandbox", shown)
                    .addKeyValue("call", call)
                    .addKeyValue("took", Duration.ofNanos(System.nanoTime() - start))
                    .log("answered");
            responses.onNext(response);
            responses.onCompleted();
        } catch (ContractException | IOException | ExecutionException | InterruptedException | RuntimeException e) {
            var status = Answers.of(e);
            Deadline deadline = TtrpcServer.CALL_DEADLINE.get(Context.current());
            log.atError()
                    .addKeyValue("sandbox", shown)
                    .addKeyValue("call", call)
                    .addKeyValue("took", Duration.ofNanos(System.nanoTime() - start))
                    .addKeyValue("late", deadline != null && deadline.isExpired())
                    .addKeyValue("failure", status.getStatus().getDescription())
                    .log("refused or failed");
            responses.onError(status);
        }
    }

    /** Does the work here; when this daemon was replaced meanwhile, the newer one has the last word. */
    private <T> T here(Call<T> work, Function<HypervisorBlockingStub, T> again)
            throws ContractException, IOException, ExecutionException, InterruptedException {
        try {
            return work.run();
        } catch (ContractException | IOException | ExecutionException | InterruptedException | RuntimeException e) {
            if (newer.isHere()) {
                return newer.ask(again);
            }
            throw e;
        }
    }

    private static String printable(String text) {
        StringBuilder shown = new StringBuilder();
        text.chars().forEach(c -> shown.append(c < 0x20 || c == 0x7f ? "?" : Character.toString(c)));
        return shown.toString();
    }
}
