// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.StreamObserver;
import io.peerpod.contract.agent.AgentDetails;
import io.peerpod.contract.agent.AgentServiceGrpc;
import io.peerpod.contract.agent.CloseStdinRequest;
import io.peerpod.contract.agent.CopyFileRequest;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.CreateSandboxRequest;
import io.peerpod.contract.agent.DestroySandboxRequest;
import io.peerpod.contract.agent.ExecProcessRequest;
import io.peerpod.contract.agent.GetDiagnosticDataRequest;
import io.peerpod.contract.agent.GetDiagnosticDataResponse;
import io.peerpod.contract.agent.GetMetricsRequest;
import io.peerpod.contract.agent.GetOOMEventRequest;
import io.peerpod.contract.agent.GuestDetailsRequest;
import io.peerpod.contract.agent.GuestDetailsResponse;
import io.peerpod.contract.agent.LinuxNamespace;
import io.peerpod.contract.agent.Metrics;
import io.peerpod.contract.agent.OOMEvent;
import io.peerpod.contract.agent.OnlineCPUMemRequest;
import io.peerpod.contract.agent.PauseContainerRequest;
import io.peerpod.contract.agent.ReadStreamRequest;
import io.peerpod.contract.agent.ReadStreamResponse;
import io.peerpod.contract.agent.RemoveContainerRequest;
import io.peerpod.contract.agent.RemoveStaleVirtiofsShareMountsRequest;
import io.peerpod.contract.agent.ReseedRandomDevRequest;
import io.peerpod.contract.agent.ResumeContainerRequest;
import io.peerpod.contract.agent.SetGuestDateTimeRequest;
import io.peerpod.contract.agent.SetPolicyRequest;
import io.peerpod.contract.agent.SignalProcessRequest;
import io.peerpod.contract.agent.Spec;
import io.peerpod.contract.agent.StartContainerRequest;
import io.peerpod.contract.agent.StatsContainerRequest;
import io.peerpod.contract.agent.StatsContainerResponse;
import io.peerpod.contract.agent.TtyWinResizeRequest;
import io.peerpod.contract.agent.UpdateContainerRequest;
import io.peerpod.contract.agent.UpdateEphemeralMountsRequest;
import io.peerpod.contract.agent.WaitProcessRequest;
import io.peerpod.contract.agent.WaitProcessResponse;
import io.peerpod.contract.agent.WriteStreamRequest;
import io.peerpod.contract.agent.WriteStreamResponse;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What shims ask of an agent, one method each; kata-protocol.md 3 and seen-with-real-peers.md say what they expect. */
final class StandInAgentService extends AgentServiceGrpc.AgentServiceImplBase {
    private static final Logger log = LoggerFactory.getLogger(StandInAgentService.class);

    private static final String MEMORY_BLOCK_SIZE = "/sys/devices/system/memory/block_size_bytes";
    private static final String TYPE = "io.kubernetes.cri.container-type";
    private static final String CRIO_TYPE = "io.kubernetes.cri-o.ContainerType";

    private final Sandbox sandbox;
    private final FileCopy files;
    private final Runnable afterDestroy;

    /**
     * @param afterDestroy called when DestroySandbox was answered
     */
    StandInAgentService(Sandbox sandbox, Runnable afterDestroy) {
        this.sandbox = sandbox;
        this.files = new FileCopy(sandbox.shared());
        this.afterDestroy = afterDestroy;
    }

    private interface Work<T> {
        T run() throws StatusException, InterruptedException;
    }

    private interface Action {
        void run() throws StatusException, InterruptedException;
    }

    private static <T extends MessageLite> void answer(StreamObserver<T> observer, Work<T> work) {
        T result;
        try {
            result = work.run();
        } catch (StatusException e) {
            observer.onError(e);
            return;
        } catch (InterruptedException e) {
            observer.onError(Status.CANCELLED
                    .withDescription("the caller went away")
                    .withCause(e)
                    .asException());
            return;
        } catch (RuntimeException e) {
            log.atError().setCause(e).log("the stand-in agent has a fault");
            observer.onError(AgentErrors.failed("the stand-in agent has a fault", e));
            return;
        }
        observer.onNext(result);
        observer.onCompleted();
    }

    private static void done(StreamObserver<Empty> observer, Action action) {
        answer(observer, () -> {
            action.run();
            return Empty.getDefaultInstance();
        });
    }

    // The sandbox.

    @Override
    public void createSandbox(CreateSandboxRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {
            sandbox.create(request.getHostname(), request.getStoragesList());
            log.atInfo()
                    .addKeyValue("sandbox", request.getSandboxId())
                    .log("sandbox made by the " + StandInAgent.VERSION);
        });
    }

    @Override
    public void destroySandbox(DestroySandboxRequest request, StreamObserver<Empty> observer) {
        done(observer, sandbox::destroy);
        afterDestroy.run();
    }

    @Override
    public void getGuestDetails(GuestDetailsRequest request, StreamObserver<GuestDetailsResponse> observer) {
        answer(observer, () -> {
            GuestDetailsResponse.Builder details = GuestDetailsResponse.newBuilder()
                    .setAgentDetails(AgentDetails.newBuilder()
                            .setVersion(StandInAgent.VERSION)
                            .addStorageHandlers("ephemeral")
                            .addStorageHandlers("local")
                            .addStorageHandlers("image_guest_pull"));
            if (request.getMemBlockSize()) {
                details.setMemBlockSizeBytes(memoryBlockBytes());
            }
            return details.build();
        });
    }

    private static long memoryBlockBytes() {
        try {
            return Long.parseUnsignedLong(
                    Files.readString(Path.of(MEMORY_BLOCK_SIZE)).strip(), 16);
        } catch (IOException | NumberFormatException e) {
            // A machine without memory hot-plug has no such file.
            return 0;
        }
    }

    @Override
    public void getOOMEvent(GetOOMEventRequest request, StreamObserver<OOMEvent> observer) {
        answer(observer, () -> {
            sandbox.awaitEnd();
            throw AgentErrors.internal("\"\"");
        });
    }

    @Override
    public void setPolicy(SetPolicyRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {
            throw Status.NOT_FOUND
                    .withDescription("the stand-in agent has no policy")
                    .asException();
        });
    }

    @Override
    public void copyFile(CopyFileRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> files.copy(request));
    }

    @Override
    public void getMetrics(GetMetricsRequest request, StreamObserver<Metrics> observer) {
        answer(
                observer,
                () -> Metrics.newBuilder()
                        .setMetrics(
                                "# TYPE peerpods_stand_in_agent_containers gauge\npeerpods_stand_in_agent_containers "
                                        + sandbox.size() + "\n")
                        .build());
    }

    @Override
    public void getDiagnosticData(
            GetDiagnosticDataRequest request, StreamObserver<GetDiagnosticDataResponse> observer) {
        answer(observer, () -> {
            sandbox.find(request.getContainerId(), AgentErrors.wrappedInvalidContainer());
            return GetDiagnosticDataResponse.getDefaultInstance();
        });
    }

    // What has no meaning without devices, hot-plug and a clock of its own is done by doing nothing.

    @Override
    public void onlineCPUMem(OnlineCPUMemRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {});
    }

    @Override
    public void reseedRandomDev(ReseedRandomDevRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {});
    }

    @Override
    public void setGuestDateTime(SetGuestDateTimeRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {});
    }

    @Override
    public void removeStaleVirtiofsShareMounts(
            RemoveStaleVirtiofsShareMountsRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {});
    }

    @Override
    public void updateEphemeralMounts(UpdateEphemeralMountsRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {});
    }

    // Containers.

    @Override
    public void createContainer(CreateContainerRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {
            String id = request.getContainerId();
            if (id.isEmpty() || id.indexOf('/') >= 0) {
                throw AgentErrors.internal("container id '" + id + "' is empty or has a slash");
            }
            if (!request.hasOCI() || !request.getOCI().hasProcess()) {
                throw AgentErrors.internal("the request has no OCI specification, or that has no process");
            }
            Spec spec = request.getOCI();
            sandbox.prepare(request.getStoragesList());
            GuestCommand command = GuestCommand.init(
                    spec.getProcess(),
                    request.hasStringUser() ? Optional.of(request.getStringUser()) : Optional.empty(),
                    network(spec),
                    isPause(spec));
            GuestProcess init = new GuestProcess(
                    command,
                    spec.getProcess().getConsoleSize().getHeight(),
                    spec.getProcess().getConsoleSize().getWidth());
            try {
                sandbox.add(new Container(id, init));
            } catch (StatusException e) {
                init.discard();
                throw e;
            }
            log.atInfo()
                    .addKeyValue("container", id)
                    .addKeyValue("mountsNotDone", spec.getMountsCount())
                    .log("container made; it has no image: its process runs on the VM's own file system");
        });
    }

    private static Optional<String> network(Spec spec) {
        return spec.getLinux().getNamespacesList().stream()
                .filter(namespace -> namespace.getType().equals("network"))
                .map(LinuxNamespace::getPath)
                .filter(path -> !path.isEmpty())
                .findFirst();
    }

    /** Whether it is the sandbox's own container, whose program is a pause image's; the real agent has its own for it, too. */
    private static boolean isPause(Spec spec) {
        String type = spec.getAnnotationsOrDefault(TYPE, spec.getAnnotationsOrDefault(CRIO_TYPE, ""));
        return type.equals("sandbox")
                || (spec.getProcess().getArgsCount() > 0
                        && spec.getProcess().getArgs(0).equals("/pause")
                        && Files.notExists(Path.of("/pause")));
    }

    @Override
    public void startContainer(StartContainerRequest request, StreamObserver<Empty> observer) {
        done(
                observer,
                () -> sandbox.find(request.getContainerId(), AgentErrors.wrappedInvalidContainer())
                        .init()
                        .start());
    }

    @Override
    public void removeContainer(RemoveContainerRequest request, StreamObserver<Empty> observer) {
        done(
                observer,
                () -> sandbox.remove(sandbox.find(request.getContainerId(), AgentErrors.wrappedInvalidContainer())));
    }

    @Override
    public void updateContainer(UpdateContainerRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {
            sandbox.find(request.getContainerId(), AgentErrors.invalidContainer());
            log.atInfo()
                    .addKeyValue("container", request.getContainerId())
                    .log("limits are not applied: the stand-in agent has no cgroups");
        });
    }

    @Override
    public void statsContainer(StatsContainerRequest request, StreamObserver<StatsContainerResponse> observer) {
        answer(
                observer,
                () -> Statistics.of(sandbox.find(request.getContainerId(), AgentErrors.invalidContainer())
                        .pids()));
    }

    @Override
    public void pauseContainer(PauseContainerRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> signalAll(request.getContainerId(), SIGSTOP));
    }

    @Override
    public void resumeContainer(ResumeContainerRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> signalAll(request.getContainerId(), SIGCONT));
    }

    private static final int SIGCONT = 18;
    private static final int SIGSTOP = 19;

    private void signalAll(String containerId, int signal) throws StatusException, InterruptedException {
        for (int pid : sandbox.find(containerId, AgentErrors.invalidContainer()).pids()) {
            try {
                Libc.system().kill(pid, signal);
            } catch (ErrnoException e) {
                log.atDebug().addKeyValue("pid", pid).log("ended before its signal");
            }
        }
    }

    // Processes.

    @Override
    public void execProcess(ExecProcessRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {
            Container container = sandbox.find(request.getContainerId(), AgentErrors.wrappedInvalidContainer());
            GuestCommand command = GuestCommand.exec(
                    request.getProcess(),
                    request.hasStringUser() ? Optional.of(request.getStringUser()) : Optional.empty(),
                    container.runningInit());
            GuestProcess process = new GuestProcess(
                    command,
                    request.getProcess().getConsoleSize().getHeight(),
                    request.getProcess().getConsoleSize().getWidth());
            try {
                container.add(request.getExecId(), process);
            } catch (StatusException e) {
                process.discard();
                throw e;
            }
            try {
                process.start();
            } catch (StatusException e) {
                container.forget(request.getExecId());
                process.discard();
                throw e;
            }
        });
    }

    @Override
    public void signalProcess(SignalProcessRequest request, StreamObserver<Empty> observer) {
        done(observer, () -> {
            if (request.getSignal() < 0 || request.getSignal() > MAX_SIGNAL) {
                throw AgentErrors.internal("EINVAL: Invalid argument: signal " + request.getSignal());
            }
            sandbox.find(request.getContainerId(), AgentErrors.wrappedInvalidContainer())
                    .signal(request.getExecId(), request.getSignal());
        });
    }

    private static final int MAX_SIGNAL = 64;

    @Override
    public void waitProcess(WaitProcessRequest request, StreamObserver<WaitProcessResponse> observer) {
        answer(
                observer,
                () -> WaitProcessResponse.newBuilder()
                        .setStatus(sandbox.find(request.getContainerId(), AgentErrors.wrappedInvalidContainer())
                                .await(request.getExecId()))
                        .build());
    }

    private GuestProcess process(String containerId, String execId, StatusException missing) throws StatusException {
        return sandbox.find(containerId, missing).find(execId, missing);
    }

    // Standard streams.

    @Override
    public void writeStdin(WriteStreamRequest request, StreamObserver<WriteStreamResponse> observer) {
        answer(observer, () -> {
            GuestProcess process =
                    process(request.getContainerId(), request.getExecId(), AgentErrors.wrappedInvalidExec());
            if (request.getData().isEmpty()) {
                // How runtime-rs says that the input has ended.
                process.closeInput();
            } else {
                process.write(request.getData());
            }
            return WriteStreamResponse.newBuilder()
                    .setLen(request.getData().size())
                    .build();
        });
    }

    @Override
    public void readStdout(ReadStreamRequest request, StreamObserver<ReadStreamResponse> observer) {
        answer(observer, () -> read(request, GuestProcess::readOutput));
    }

    @Override
    public void readStderr(ReadStreamRequest request, StreamObserver<ReadStreamResponse> observer) {
        answer(observer, () -> read(request, GuestProcess::readErrors));
    }

    private interface Stream {
        ByteString read(GuestProcess process, int most) throws StatusException, InterruptedException;
    }

    private ReadStreamResponse read(ReadStreamRequest request, Stream stream)
            throws StatusException, InterruptedException {
        GuestProcess process = process(request.getContainerId(), request.getExecId(), AgentErrors.wrappedInvalidExec());
        if (request.getLen() == 0) {
            return ReadStreamResponse.getDefaultInstance();
        }
        // Unsigned on the wire.
        int most = request.getLen() < 0 ? Integer.MAX_VALUE : request.getLen();
        return ReadStreamResponse.newBuilder()
                .setData(stream.read(process, most))
                .build();
    }

    @Override
    public void closeStdin(CloseStdinRequest request, StreamObserver<Empty> observer) {
        done(
                observer,
                () -> process(request.getContainerId(), request.getExecId(), AgentErrors.invalidExec())
                        .closeInput());
    }

    @Override
    public void ttyWinResize(TtyWinResizeRequest request, StreamObserver<Empty> observer) {
        done(
                observer,
                () -> process(request.getContainerId(), request.getExecId(), AgentErrors.invalidExec())
                        .resize(request.getRow(), request.getColumn()));
    }
}
