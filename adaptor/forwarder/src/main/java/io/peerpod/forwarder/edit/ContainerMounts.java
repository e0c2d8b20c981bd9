// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpod.contract.agent.Mount;
import io.peerpod.contract.agent.Spec;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What must be there before a container's mounts can be made: folders, and volumes that somebody else mounts. */
final class ContainerMounts {

    /** Longest wait for a volume; the caller's own deadline may be shorter. */
    static final Duration VOLUME_WAIT = Duration.ofMinutes(3);

    private static final String BIND = "bind";
    private static final Logger log = LoggerFactory.getLogger(ContainerMounts.class);

    private final String container;
    private final Set<String> volumes;
    private final MountPoints mountPoints;
    private final Duration patience;
    private final long started = System.nanoTime();
    private final BindSources sources = new BindSources();

    /**
     * The mounts of one container.
     *
     * @param volumePaths comma-separated sources that are volumes
     * @param remaining what the caller's deadline leaves
     */
    ContainerMounts(String container, String volumePaths, MountPoints mountPoints, Optional<Duration> remaining) {
        this.container = container;
        this.volumes = Arrays.stream(volumePaths.split(",", -1))
                .map(String::strip)
                .filter(path -> !path.isEmpty())
                .collect(Collectors.toCollection(HashSet::new));
        this.mountPoints = mountPoints;
        this.patience =
                remaining.filter(left -> left.compareTo(VOLUME_WAIT) < 0).orElse(VOLUME_WAIT);
    }

    /** Prepares the mounts of one occurrence of the OCI specification. */
    void prepare(WireFields spec) throws InvalidProtocolBufferException, StatusException, InterruptedException {
        while (spec.next()) {
            if (spec.is(Spec.MOUNTS_FIELD_NUMBER)) {
                prepareOne(spec.message());
            }
        }
    }

    private void prepareOne(WireFields mount)
            throws InvalidProtocolBufferException, StatusException, InterruptedException {
        boolean bind = false;
        String source = "";
        while (mount.next()) {
            if (mount.is(Mount.TYPE_FIELD_NUMBER)) {
                bind = mount.textIs(BIND);
            } else if (mount.is(Mount.SOURCE_FIELD_NUMBER)) {
                source = mount.text();
            }
        }
        if (bind) {
            sources.ensure(source);
        }
        if (volumes.contains(source)) {
            await(source);
        }
    }

    private void await(String volume) throws StatusException, InterruptedException {
        Duration left = patience.minusNanos(System.nanoTime() - started);
        boolean mounted;
        try {
            mounted = mountPoints.await(volume, left);
        } catch (IOException e) {
            throw Status.INTERNAL
                    .withDescription("Whether the volume " + BindSources.printable(volume) + " of container "
                            + BindSources.printable(container) + " is mounted cannot be seen: " + e)
                    .withCause(e)
                    .asException();
        }
        if (!mounted) {
            throw Status.DEADLINE_EXCEEDED
                    .withDescription("The volume " + BindSources.printable(volume) + " of container "
                            + BindSources.printable(container) + " was not mounted in the pod VM within "
                            + patience.toSeconds() + " s. Look at the storage driver's node part, which mounts it.")
                    .asException();
        }
        log.atInfo().addKeyValue("path", BindSources.printable(volume)).log("the volume is mounted");
    }
}
