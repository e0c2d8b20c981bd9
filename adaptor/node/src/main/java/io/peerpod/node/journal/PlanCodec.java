// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import com.google.protobuf.ByteString;
import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.node.journal.wire.Neighbor;
import io.peerpod.node.journal.wire.Network;
import io.peerpod.node.journal.wire.Prefix;
import io.peerpod.node.journal.wire.Prepared;
import io.peerpod.node.journal.wire.Route;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.node.plan.SandboxRequest;
import io.peerpod.provider.LaunchToken;
import io.peerpod.sandbox.Pod;
import io.peerpod.sandbox.Sandbox;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.Optional;

/** A sandbox and its plan, to the journal's messages and back. */
final class PlanCodec {
    private PlanCodec() {}

    static Prepared encode(Sandbox sandbox) {
        SandboxPlan plan = SandboxPlan.of(sandbox);
        SandboxRequest request = plan.request();
        return Prepared.newBuilder()
                .setSandboxId(sandbox.id())
                .setInstanceName(sandbox.token().instanceName())
                .setPodNamespace(sandbox.pod().namespace())
                .setPodName(sandbox.pod().name())
                .setNetworkNamespace(request.networkNamespace().toString())
                .setInstanceType(request.instanceType().orElse(""))
                .setImage(request.image().orElse(""))
                .setVcpus(request.vcpus())
                .setMemoryMib(request.memoryMib())
                .setGpus(request.gpus())
                .setInitdata(ByteString.copyFromUtf8(request.initdata().orElse("")))
                .setNetwork(network(plan.network()))
                .setCreatedAtMicros(EntryCodec.micros(plan.createdAt()))
                .setAgentSocket(plan.agentSocket().toString())
                .setTlsIdentity(plan.tlsIdentity())
                .build();
    }

    static Sandbox decode(Prepared wire) {
        Pod pod = new Pod(wire.getPodNamespace(), wire.getPodName());
        SandboxRequest request = new SandboxRequest(
                wire.getSandboxId(),
                pod,
                Path.of(wire.getNetworkNamespace()),
                text(wire.getInstanceType()),
                text(wire.getImage()),
                wire.getVcpus(),
                wire.getMemoryMib(),
                wire.getGpus(),
                text(wire.getInitdata().toStringUtf8()));
        SandboxPlan plan = new SandboxPlan(
                request,
                network(wire.getNetwork()),
                Path.of(wire.getAgentSocket()),
                wire.getTlsIdentity(),
                EntryCodec.instant(wire.getCreatedAtMicros()));
        return new Sandbox(new LaunchToken(wire.getSandboxId(), wire.getInstanceName()), pod, plan);
    }

    private static Network network(PodNetwork network) {
        Network.Builder wire = Network.newBuilder()
                .setMacAddress(network.macAddress())
                .setInterfaceName(network.interfaceName())
                .setWorkerAddress(prefix(network.workerAddress()))
                .setTunnelType(network.tunnelType())
                .setMtu(network.mtu())
                .setIndex(network.index())
                .setVxlanPort(network.vxlanPort())
                .setVxlanId(network.vxlanId())
                .setDedicated(network.dedicated())
                .setExternalNetViaPodVm(network.externalNetViaPodVm());
        network.addresses().forEach(address -> wire.addAddresses(prefix(address)));
        for (PodNetwork.Route route : network.routes()) {
            wire.addRoutes(Route.newBuilder()
                    .setDestination(prefix(route.destination()))
                    .setGateway(route.gateway().map(PlanCodec::bytes).orElse(ByteString.EMPTY))
                    .setDevice(route.device().orElse(""))
                    .setProtocol(route.protocol().orElse(""))
                    .setScope(route.scope().orElse("")));
        }
        for (PodNetwork.Neighbor neighbor : network.neighbors()) {
            wire.addNeighbors(Neighbor.newBuilder()
                    .setAddress(bytes(neighbor.address()))
                    .setMacAddress(neighbor.macAddress())
                    .setDevice(neighbor.device().orElse(""))
                    .setState(neighbor.state()));
        }
        return wire.build();
    }

    private static PodNetwork network(Network wire) {
        return new PodNetwork(
                wire.getAddressesList().stream().map(PlanCodec::prefix).toList(),
                wire.getMacAddress(),
                wire.getInterfaceName(),
                prefix(wire.getWorkerAddress()),
                wire.getTunnelType(),
                wire.getRoutesList().stream().map(PlanCodec::route).toList(),
                wire.getNeighborsList().stream().map(PlanCodec::neighbor).toList(),
                wire.getMtu(),
                wire.getIndex(),
                wire.getVxlanPort(),
                wire.getVxlanId(),
                wire.getDedicated(),
                wire.getExternalNetViaPodVm());
    }

    private static PodNetwork.Route route(Route wire) {
        return new PodNetwork.Route(
                prefix(wire.getDestination()),
                wire.getGateway().isEmpty() ? Optional.empty() : Optional.of(address(wire.getGateway())),
                text(wire.getDevice()),
                text(wire.getProtocol()),
                text(wire.getScope()));
    }

    private static PodNetwork.Neighbor neighbor(Neighbor wire) {
        return new PodNetwork.Neighbor(
                address(wire.getAddress()), wire.getMacAddress(), text(wire.getDevice()), wire.getState());
    }

    private static Prefix prefix(IpPrefix prefix) {
        return Prefix.newBuilder()
                .setAddress(bytes(prefix.address()))
                .setLength(prefix.length())
                .build();
    }

    private static IpPrefix prefix(Prefix wire) {
        return new IpPrefix(address(wire.getAddress()), wire.getLength());
    }

    static ByteString bytes(InetAddress address) {
        return ByteString.copyFrom(address.getAddress());
    }

    static InetAddress address(ByteString bytes) {
        try {
            return InetAddress.getByAddress(bytes.toByteArray());
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("an address of " + bytes.size() + " bytes", e);
        }
    }

    private static Optional<String> text(String text) {
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }
}
