// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.plan;

import io.peerpod.contract.ContractException;
import io.peerpod.contract.InstanceName;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.TunnelPlan;
import io.peerpod.node.identity.Identities;
import io.peerpod.provider.LaunchToken;
import io.peerpod.sandbox.Sandbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.List;

/** Makes the plan of a sandbox, without a call to the cloud. */
public final class SandboxPreparation {
    /** Name of the agent socket in a sandbox's folder. */
    public static final String AGENT_SOCKET = "agent.ttrpc";

    /** What fits into {@code sockaddr_un.sun_path}, without its final zero. */
    public static final int MAX_SOCKET_PATH_BYTES = 107;

    private final Path podsFolder;
    private final PodNetworks networks;
    private final Identities identities;
    private final Clock clock;

    public SandboxPreparation(Path podsFolder, PodNetworks networks, Identities identities, Clock clock) {
        this.podsFolder = podsFolder;
        this.networks = networks;
        this.identities = identities;
        this.clock = clock;
    }

    /**
     * Inspects the pod's network, reserves a VNI and chooses the names.
     *
     * @throws ContractException if the request cannot be met as it is
     * @throws IOException if the pod's network cannot be used; nothing is left then
     */
    public Sandbox prepare(SandboxRequest request) throws ContractException, IOException {
        Path socket = podsFolder.resolve(request.sandboxId()).resolve(AGENT_SOCKET);
        if (socket.toString().getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH_BYTES) {
            throw new ContractException(
                    "CreateVM",
                    "id",
                    "an id with which the agent socket's path has at most " + MAX_SOCKET_PATH_BYTES + " bytes",
                    "a path of " + socket.toString().length() + " (" + socket + ")");
        }
        LaunchToken token = token(request);
        String identity = identities.current().name();
        PodNetwork network = networks.prepare(request.networkNamespace());
        SandboxPlan plan = new SandboxPlan(
                request, network, socket, identity, clock.instant().truncatedTo(ChronoUnit.MICROS));
        return new Sandbox(token, request.pod(), plan);
    }

    private static LaunchToken token(SandboxRequest request) throws ContractException {
        String name = InstanceName.of(request.pod().name(), request.sandboxId(), InstanceName.MAX_CHARACTERS);
        try {
            return new LaunchToken(request.sandboxId(), name);
        } catch (IllegalArgumentException e) {
            throw new ContractException(
                    "CreateVM",
                    "id",
                    "an id whose first eight characters end in a letter or digit",
                    String.valueOf(e.getMessage()));
        }
    }

    /** Gives back what was reserved for a sandbox that did not come to be. */
    public void undo(Sandbox sandbox) throws IOException {
        SandboxPlan plan = SandboxPlan.of(sandbox);
        try {
            networks.tearDown(new TunnelPlan(plan.request().networkNamespace(), plan.network(), List.of()));
        } finally {
            networks.release(plan.network());
        }
    }
}
