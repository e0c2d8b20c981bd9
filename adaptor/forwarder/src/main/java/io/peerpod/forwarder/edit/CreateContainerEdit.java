// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpod.contract.Annotations;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.Linux;
import io.peerpod.contract.agent.LinuxNamespace;
import io.peerpod.contract.agent.Spec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * One CreateContainer: the container joins the pod's network namespace, and the sources of its bind mounts exist before the agent
 * looks for them.
 *
 * <p>A field that may occur once can occur twice on the wire, and then the parts are merged; that is why all occurrences are walked.
 */
final class CreateContainerEdit {

    /** Places that are changed at most; the request of a shim needs three. */
    static final int MAX_CHANGES = 256;

    /** Longest annotation that is looked into. */
    static final int MAX_ANNOTATION_BYTES = 64 << 10;

    private static final int MAP_KEY_FIELD_NUMBER = 1;
    private static final int MAP_VALUE_FIELD_NUMBER = 2;
    private static final String NETWORK = "network";

    private final Path podNamespace;
    private final byte[] request;
    private final Splices splices = new Splices();
    private String container = "";
    private String volumePaths = "";
    private String cloudVolumes = "";
    private boolean hasSpec;
    private boolean hasLinux;

    CreateContainerEdit(Path podNamespace, byte[] request) {
        this.podNamespace = podNamespace;
        this.request = request;
    }

    /**
     * The changed request.
     *
     * @param mountPoints where volumes are waited for
     * @param remaining what the caller's deadline leaves
     * @throws StatusException in words if the container cannot be created like this
     */
    byte[] edit(MountPoints mountPoints, Optional<Duration> remaining)
            throws InvalidProtocolBufferException, StatusException, InterruptedException {
        var fields = new WireFields(request, 0, request.length);
        while (fields.next()) {
            if (fields.is(CreateContainerRequest.CONTAINER_ID_FIELD_NUMBER)) {
                container = fields.text();
            } else if (fields.is(CreateContainerRequest.OCI_FIELD_NUMBER)) {
                hasSpec = true;
                spec(fields);
            }
        }
        check();
        var mounts = new ContainerMounts(container, volumePaths, mountPoints, remaining);
        var again = new WireFields(request, 0, request.length);
        while (again.next()) {
            if (again.is(CreateContainerRequest.OCI_FIELD_NUMBER)) {
                mounts.prepare(again.message());
            }
        }
        return splices.apply(request);
    }

    private void check() throws StatusException {
        if (!hasSpec) {
            throw refuse(Status.INVALID_ARGUMENT, "has no OCI specification; the shim must send one");
        }
        if (!hasLinux) {
            throw refuse(
                    Status.INVALID_ARGUMENT,
                    "has an OCI specification without its Linux part, so it cannot join the pod's network; the shim must"
                            + " send one");
        }
        if (!Files.exists(podNamespace)) {
            throw refuse(
                    Status.FAILED_PRECONDITION,
                    "cannot join the pod's network: the namespace " + podNamespace
                            + " does not exist in the pod VM. The VM's image must create it before the forwarder starts,"
                            + " and -pod-namespace must name it");
        }
        String cloud = cloudVolumes.strip();
        if (!cloud.isEmpty() && !cloud.equals("{}") && !cloud.equals("null")) {
            throw refuse(
                    Status.FAILED_PRECONDITION,
                    "asks for cloud volumes (annotation " + Annotations.CLOUD_VOLUMES
                            + "): cloud volumes are not supported by this"
                            + " release. Take the volume out of the pod");
        }
    }

    /** One occurrence of the OCI specification. */
    private void spec(WireFields field) throws InvalidProtocolBufferException, StatusException {
        int handle = splices.reserve();
        bound();
        WireFields spec = field.message();
        while (spec.next()) {
            if (spec.is(Spec.LINUX_FIELD_NUMBER)) {
                linux(spec);
            } else if (spec.is(Spec.ANNOTATIONS_FIELD_NUMBER)) {
                annotation(spec.message());
            }
        }
        splices.resize(handle, field);
    }

    /** One occurrence of the Linux part: its network entries go, and ours comes, once. */
    private void linux(WireFields field) throws InvalidProtocolBufferException, StatusException {
        int handle = splices.reserve();
        WireFields linux = field.message();
        while (linux.next()) {
            if (linux.is(Linux.NAMESPACES_FIELD_NUMBER) && isNetwork(linux.message())) {
                splices.remove(linux.start(), linux.end());
                bound();
            }
        }
        if (!hasLinux) {
            hasLinux = true;
            splices.insert(field.end(), networkEntry());
        }
        splices.resize(handle, field);
        bound();
    }

    private void bound() throws StatusException {
        if (splices.count() > MAX_CHANGES) {
            throw refuse(
                    Status.INVALID_ARGUMENT,
                    "has its specification in pieces, or so many network namespaces that more than " + MAX_CHANGES
                            + " places would change");
        }
    }

    private static boolean isNetwork(WireFields namespace) throws InvalidProtocolBufferException {
        boolean network = false;
        while (namespace.next()) {
            if (namespace.is(LinuxNamespace.TYPE_FIELD_NUMBER)) {
                network = namespace.textIs(NETWORK);
            }
        }
        return network;
    }

    /** The pod's namespace as an entry of the Linux part, tag and length included. */
    private byte[] networkEntry() {
        String path = podNamespace.toString();
        int size = CodedOutputStream.computeStringSize(LinuxNamespace.TYPE_FIELD_NUMBER, NETWORK)
                + CodedOutputStream.computeStringSize(LinuxNamespace.PATH_FIELD_NUMBER, path);
        byte[] entry = new byte
                [CodedOutputStream.computeTagSize(Linux.NAMESPACES_FIELD_NUMBER)
                        + CodedOutputStream.computeUInt32SizeNoTag(size)
                        + size];
        try {
            CodedOutputStream out = CodedOutputStream.newInstance(entry);
            out.writeTag(Linux.NAMESPACES_FIELD_NUMBER, WireFields.LENGTH_DELIMITED);
            out.writeUInt32NoTag(size);
            out.writeString(LinuxNamespace.TYPE_FIELD_NUMBER, NETWORK);
            out.writeString(LinuxNamespace.PATH_FIELD_NUMBER, path);
            out.checkNoSpaceLeft();
        } catch (IOException e) {
            throw new UncheckedIOException("an array of the right size was too small", e);
        }
        return entry;
    }

    private void annotation(WireFields entry) throws InvalidProtocolBufferException, StatusException {
        boolean paths = false;
        boolean cloud = false;
        String value = "";
        boolean tooLong = false;
        while (entry.next()) {
            if (entry.is(MAP_KEY_FIELD_NUMBER)) {
                paths = entry.textIs(Annotations.VOLUME_TARGET_PATHS);
                cloud = entry.textIs(Annotations.CLOUD_VOLUMES);
            } else if (entry.is(MAP_VALUE_FIELD_NUMBER)) {
                tooLong = entry.end() - entry.content() > MAX_ANNOTATION_BYTES;
                value = tooLong ? "" : entry.text();
            }
        }
        if (!paths && !cloud) {
            return;
        }
        if (tooLong) {
            throw refuse(
                    Status.INVALID_ARGUMENT,
                    "has an annotation " + (paths ? Annotations.VOLUME_TARGET_PATHS : Annotations.CLOUD_VOLUMES)
                            + " of more than " + MAX_ANNOTATION_BYTES + " bytes");
        }
        if (paths) {
            volumePaths = value;
        } else {
            cloudVolumes = value;
        }
    }

    private StatusException refuse(Status status, String why) {
        return status.withDescription("Container " + BindSources.printable(container) + " " + why + ".")
                .asException();
    }
}
