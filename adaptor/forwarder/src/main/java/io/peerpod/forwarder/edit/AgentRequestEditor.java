// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpod.contract.agent.CreateSandboxRequest;
import io.peerpod.relay.guest.RequestEditor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Edits CreateContainer and CreateSandbox, and leaves everything else alone (adaptor.md 5.3).
 *
 * <p>{@code dns} of CreateSandbox is dropped: the agent would bind it over the VM's own resolv.conf.
 */
public final class AgentRequestEditor implements RequestEditor {

    private static final String AGENT_SERVICE = "grpc.AgentService";
    private static final String CREATE_CONTAINER = "CreateContainer";
    private static final String CREATE_SANDBOX = "CreateSandbox";
    private static final Logger log = LoggerFactory.getLogger(AgentRequestEditor.class);

    private final Path podNamespace;
    private final MountPoints mountPoints;

    /**
     * An editor for this machine.
     *
     * @param podNamespace the network namespace that every container joins
     */
    public AgentRequestEditor(Path podNamespace) {
        this(podNamespace, new MountPoints(Path.of("/proc/self/mountinfo")));
    }

    AgentRequestEditor(Path podNamespace, MountPoints mountPoints) {
        this.podNamespace = podNamespace;
        this.mountPoints = mountPoints;
    }

    @Override
    public boolean edits(String service, String method) {
        return service.equals(AGENT_SERVICE) && (method.equals(CREATE_CONTAINER) || method.equals(CREATE_SANDBOX));
    }

    @Override
    public byte[] edit(String service, String method, byte[] payload, Optional<Duration> remaining)
            throws StatusException, InterruptedException {
        try {
            return switch (method) {
                case CREATE_CONTAINER -> new CreateContainerEdit(podNamespace, payload).edit(mountPoints, remaining);
                case CREATE_SANDBOX -> withoutDns(payload);
                default -> payload;
            };
        } catch (InvalidProtocolBufferException e) {
            throw Status.INVALID_ARGUMENT
                    .withDescription("The " + method + " request is not a well-formed message: " + e.getMessage())
                    .withCause(e)
                    .asException();
        }
    }

    private static byte[] withoutDns(byte[] payload) throws InvalidProtocolBufferException {
        byte[] kept = new byte[payload.length];
        int length = 0;
        int dropped = 0;
        var fields = new WireFields(payload, 0, payload.length);
        while (fields.next()) {
            if (fields.is(CreateSandboxRequest.DNS_FIELD_NUMBER)) {
                dropped++;
                continue;
            }
            int size = fields.end() - fields.start();
            System.arraycopy(payload, fields.start(), kept, length, size);
            length += size;
        }
        if (dropped == 0) {
            return payload;
        }
        log.atInfo().addKeyValue("entries", dropped).log("dropped dns from CreateSandbox; the VM's resolv.conf stays");
        return Arrays.copyOf(kept, length);
    }
}
