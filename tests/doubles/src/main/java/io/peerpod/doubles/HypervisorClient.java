// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.peerpod.contract.hypervisor.CreateVMRequest;
import io.peerpod.contract.hypervisor.CreateVMResponse;
import io.peerpod.contract.hypervisor.StartVMRequest;
import io.peerpod.contract.hypervisor.StopVMRequest;
import io.peerpod.contract.hypervisor.VersionRequest;
import io.peerpod.contract.hypervisor.VersionResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The hypervisor half of a shim: the calls to {@code hypervisor.sock} with the habits of either kind. */
public final class HypervisorClient implements AutoCloseable {
    private static final String SERVICE = "hypervisor.Hypervisor";

    private final Path socket;
    private final ShimHabits habits;
    private @Nullable WireClient cached;

    /** Connects nowhere yet. */
    public HypervisorClient(Path socket, ShimHabits habits) {
        this.socket = socket;
        this.habits = habits;
    }

    /** CreateVM without a deadline; the path of the agent's socket. */
    public Path createVm(PodRequest pod) throws IOException, WireStatusException, InterruptedException {
        CreateVMRequest request = CreateVMRequest.newBuilder()
                .setId(pod.sandboxId())
                .putAllAnnotations(pod.annotations())
                .setNetworkNamespacePath(pod.networkNamespace().toString())
                .build();
        String path = parse(call("CreateVM", request, Duration.ZERO)).getAgentSocketPath();
        // What a real shim insists on (kata-protocol.md 3): it splits the address at colons, and sun_path is short.
        if (!path.startsWith("/") || path.contains(":") || path.length() > 107) {
            throw new IOException("CreateVM answered '" + path
                    + "', which no shim can connect to: it must be absolute, without a colon, of at most 107 bytes");
        }
        return Path.of(path);
    }

    private static CreateVMResponse parse(byte[] answer) throws InvalidProtocolBufferException {
        return CreateVMResponse.parseFrom(answer);
    }

    /** StartVM with the shim's deadline. */
    public void startVm(String sandboxId) throws IOException, WireStatusException, InterruptedException {
        call("StartVM", StartVMRequest.newBuilder().setId(sandboxId).build(), habits.startDeadline());
    }

    /** Version; no shim calls it, but it tells whether somebody serves. */
    public String version() throws IOException, WireStatusException, InterruptedException {
        byte[] answer =
                call("Version", VersionRequest.newBuilder().setVersion("0.0.0").build(), Duration.ofSeconds(30));
        return VersionResponse.parseFrom(answer).getVersion();
    }

    /**
     * StopVM: once without a deadline (Go), or three times at once with a deadline of a second each (runtime-rs). All must be answered well:
     * a shim would only log it, but here it is what is looked at.
     */
    public void stopVm(String sandboxId) throws IOException, WireStatusException, InterruptedException {
        StopVMRequest request = StopVMRequest.newBuilder().setId(sandboxId).build();
        if (habits == ShimHabits.GO) {
            call("StopVM", request, Duration.ZERO);
            return;
        }
        WireClient client = cachedConnection();
        List<CompletableFuture<byte[]>> answers = new ArrayList<>();
        for (int i = 0; i < ShimHabits.STOPS_AT_ONCE; i++) {
            answers.add(client.send(SERVICE, "StopVM", request.toByteArray(), ShimHabits.STOP_DEADLINE));
        }
        for (CompletableFuture<byte[]> answer : answers) {
            try {
                answer.get(ShimHabits.STOP_DEADLINE.toMillis(), TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof WireStatusException status) {
                    throw status;
                }
                throw new IOException("StopVM of " + sandboxId + ": " + e.getCause(), e);
            } catch (TimeoutException e) {
                throw new IOException(
                        "StopVM of " + sandboxId
                                + " was not answered within a second, which is all that runtime-rs waits",
                        e);
            }
        }
    }

    private byte[] call(String method, MessageLite request, Duration deadline)
            throws IOException, WireStatusException, InterruptedException {
        if (habits == ShimHabits.GO) {
            try (WireClient client = WireClient.connect(socket)) {
                return client.call(SERVICE, method, request, deadline);
            }
        }
        return cachedConnection().call(SERVICE, method, request, deadline);
    }

    private synchronized WireClient cachedConnection() throws IOException {
        WireClient client = cached;
        if (client == null) {
            client = WireClient.connect(socket, habits.writing());
            cached = client;
        }
        return client;
    }

    @Override
    public synchronized void close() {
        if (cached != null) {
            cached.close();
        }
    }
}
