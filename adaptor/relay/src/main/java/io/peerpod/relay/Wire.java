// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import com.google.protobuf.ByteString;
import io.peerpod.relay.control.Spec;
import io.peerpod.relay.control.Status;
import io.peerpod.relay.control.Tls;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The control records as messages of the control socket, and back. */
public final class Wire {
    private Wire() {}

    /** A spec as message. */
    public static Spec toMessage(SessionSpec spec) {
        Spec.Builder message = Spec.newBuilder()
                .setSandboxId(spec.sandboxId())
                .setSocket(spec.socket().toString())
                .setPort(spec.port())
                .setServerName(spec.serverName());
        spec.addresses().forEach(address -> message.addAddresses(ByteString.copyFrom(address.getAddress())));
        spec.tls().ifPresent(files -> {
            Tls.Builder tls = Tls.newBuilder()
                    .setCertificate(files.certificate().toString())
                    .setKey(files.key().toString())
                    .setAuthority(files.authority().toString())
                    .addAllCipherSuites(files.cipherSuites());
            files.minVersion().ifPresent(tls::setMinVersion);
            message.setTls(tls);
        });
        return message.build();
    }

    /** A step of the way as message. */
    public static io.peerpod.relay.control.DialStep toMessage(DialStep step) {
        return io.peerpod.relay.control.DialStep.newBuilder()
                .setKind(step.kind().name())
                .setAtMicros(ChronoUnit.MICROS.between(Instant.EPOCH, step.at()))
                .build();
    }

    /** A step of the way from its message; empty when a newer relay has steps that this release does not know. */
    public static Optional<DialStep> toStep(io.peerpod.relay.control.DialStep message) {
        Instant at = Instant.EPOCH.plus(message.getAtMicros(), ChronoUnit.MICROS);
        return Arrays.stream(DialStep.Kind.values())
                .filter(kind -> kind.name().equals(message.getKind()))
                .findFirst()
                .map(kind -> new DialStep(kind, at));
    }

    /**
     * A spec from its message.
     *
     * @throws IllegalArgumentException when it cannot be dialled
     */
    public static SessionSpec toSpec(Spec message) {
        List<InetAddress> addresses = new ArrayList<>();
        for (ByteString address : message.getAddressesList()) {
            try {
                addresses.add(InetAddress.getByAddress(address.toByteArray()));
            } catch (UnknownHostException e) {
                throw new IllegalArgumentException(
                        "an address of " + address.size() + " bytes is neither IPv4 nor IPv6", e);
            }
        }
        Optional<TlsFiles> tls = message.hasTls() ? Optional.of(toFiles(message.getTls())) : Optional.empty();
        return new SessionSpec(
                message.getSandboxId(),
                Path.of(message.getSocket()),
                addresses,
                message.getPort(),
                tls,
                message.getServerName());
    }

    private static TlsFiles toFiles(Tls message) {
        return new TlsFiles(
                Path.of(message.getCertificate()),
                Path.of(message.getKey()),
                Path.of(message.getAuthority()),
                message.hasMinVersion() ? Optional.of(message.getMinVersion()) : Optional.empty(),
                message.getCipherSuitesList());
    }

    /** A status as message. */
    public static Status toMessage(SessionStatus status) {
        Status.Builder message = Status.newBuilder()
                .setSandboxId(status.sandboxId())
                .setState(status.state().name())
                .setShimConnections(status.shimConnections());
        status.reason().ifPresent(message::setReason);
        status.spec().map(Wire::toMessage).ifPresent(message::setSpec);
        return message.build();
    }

    /**
     * A status from its message.
     *
     * @throws IllegalArgumentException when its state or spec is unknown to this version
     */
    public static SessionStatus toStatus(Status message) {
        return new SessionStatus(
                message.getSandboxId(),
                SessionStatus.State.valueOf(message.getState()),
                message.hasReason() ? Optional.of(message.getReason()) : Optional.empty(),
                message.getShimConnections(),
                message.hasSpec() ? Optional.of(toSpec(message.getSpec())) : Optional.empty());
    }
}
