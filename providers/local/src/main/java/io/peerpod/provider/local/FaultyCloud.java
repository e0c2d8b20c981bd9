// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.provider.PodVmSpec;
import io.peerpod.provider.local.ScriptedFaults.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The local cloud with faults that a test asks for, so that what daemons do and say about them can be seen without an account. */
final class FaultyCloud implements CloudProvider {
    private static final Pattern TUNNEL_PORT = Pattern.compile("(\"vxlan-port\"\\s*:\\s*)(\\d+)");
    private static final int OTHER_PORT_STEP = 1;

    private final LocalConfig config;
    private final CloudProvider cloud;
    private final ScriptedFaults faults;

    FaultyCloud(LocalConfig config, ScriptedFaults faults) {
        this.config = config;
        this.cloud = new LocalCloudProvider(config);
        this.faults = faults;
    }

    @Override
    public String name() {
        return cloud.name();
    }

    @Override
    public PodVm create(LaunchToken token, PodVmSpec spec) throws CloudException, InterruptedException {
        Optional<Fault> fault = refuse("create", token);
        if (fault.isEmpty()) {
            return cloud.create(token, spec);
        }
        String vm = "pod VM " + token.instanceName();
        return switch (fault.get()) {
            case NO_CAPACITY ->
                throw new CloudException(new CloudFailure.OutOfCapacity(
                        "the cloud has no room for " + vm + " of the type "
                                + spec.instanceType().orElse("that is the default") + " in this zone at the moment",
                        CloudFailure.Actor.CLOUD));
            case NO_IMAGE ->
                throw new CloudException(new CloudFailure.Rejected(
                        "the image " + spec.image().orElse("that is the default") + " for " + vm
                                + " does not exist in this region, or this account may not use it",
                        CloudFailure.Actor.OPERATOR));
            case LOST_ANSWER -> {
                cloud.create(token, spec);
                throw new CloudException(
                        new CloudFailure.OutcomeUnknown("the connection broke before the cloud answered for " + vm));
            }
            case SILENT_GUEST -> silent().create(token, spec);
            case CLOSED_TUNNEL -> cloud.create(token, withOtherTunnelPort(spec));
            case BAD_CREDENTIALS, THROTTLED, UNREACHABLE ->
                throw new IllegalStateException("refused before: " + fault.get());
        };
    }

    @Override
    public Optional<PodVm> find(LaunchToken token) throws CloudException, InterruptedException {
        refuse("find", token);
        return cloud.find(token);
    }

    @Override
    public List<PodVm> list(Owner owner) throws CloudException, InterruptedException {
        return cloud.list(owner);
    }

    @Override
    public Deletion delete(LaunchToken token) throws CloudException, InterruptedException {
        refuse("delete", token);
        return cloud.delete(token);
    }

    @Override
    public Duration landingWindow() {
        return cloud.landingWindow();
    }

    @Override
    public Duration longestCall() {
        return cloud.longestCall();
    }

    @Override
    public void close() {
        cloud.close();
    }

    /** Throws where the fault is one of any call; answers the fault otherwise. */
    private Optional<Fault> refuse(String call, LaunchToken token) throws CloudException {
        Optional<Fault> fault;
        try {
            fault = faults.of(token);
        } catch (IOException e) {
            throw new CloudException(
                    new CloudFailure.Rejected(String.valueOf(e.getMessage()), CloudFailure.Actor.OPERATOR), e);
        }
        String what = call + " of pod VM " + token.instanceName();
        if (fault.isPresent()) {
            switch (fault.get()) {
                case BAD_CREDENTIALS ->
                    throw new CloudException(new CloudFailure.Unauthorised(
                            "the cloud refused the " + what + ": the credentials are expired or wrong (HTTP 401)"));
                case THROTTLED ->
                    throw new CloudException(new CloudFailure.Throttled(
                            "the cloud asks to come back in a second for the " + what + " (HTTP 429)",
                            Optional.of(Duration.ofSeconds(1))));
                case UNREACHABLE ->
                    throw new CloudException(new CloudFailure.Unreachable(
                            "the " + what + " did not reach the cloud: no route to its API"));
                case NO_CAPACITY, NO_IMAGE, LOST_ANSWER, SILENT_GUEST, CLOSED_TUNNEL -> {}
            }
        }
        return fault;
    }

    /** With a first process that does nothing. */
    private CloudProvider silent() throws CloudException {
        Path init = config.state().resolve("silent-init");
        try {
            if (!Files.exists(init)) {
                Files.createDirectories(config.state());
                Files.writeString(init, "#!/bin/sh\nwhile :; do sleep 1000; done\n");
                Files.setPosixFilePermissions(init, PosixFilePermissions.fromString("rwx------"));
            }
        } catch (IOException e) {
            throw new CloudException(
                    new CloudFailure.Rejected(
                            "the init of a silent guest was not written: " + e, CloudFailure.Actor.OPERATOR),
                    e);
        }
        return new LocalCloudProvider(new LocalConfig(config.addresses(), Optional.of(init), config.state()));
    }

    private static PodVmSpec withOtherTunnelPort(PodVmSpec spec) {
        Matcher port = TUNNEL_PORT.matcher(spec.userData());
        String userData =
                port.replaceAll(found -> found.group(1) + (Integer.parseInt(found.group(2)) + OTHER_PORT_STEP));
        return new PodVmSpec(
                spec.owner(),
                spec.podNamespace(),
                spec.podName(),
                spec.createdAt(),
                userData,
                spec.instanceType(),
                spec.image(),
                spec.vcpus(),
                spec.memoryMib(),
                spec.gpus(),
                spec.tags());
    }
}
