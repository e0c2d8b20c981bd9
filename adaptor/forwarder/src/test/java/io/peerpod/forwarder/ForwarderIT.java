// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.CodedOutputStream;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpod.contract.ForwarderConfig;
import io.peerpod.contract.agent.AgentServiceGrpc;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.CreateSandboxRequest;
import io.peerpod.contract.agent.Linux;
import io.peerpod.contract.agent.LinuxNamespace;
import io.peerpod.contract.agent.Spec;
import io.peerpod.contract.health.CheckRequest;
import io.peerpod.contract.health.HealthCheckResponse;
import io.peerpod.contract.health.HealthGrpc;
import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.ttrpc.TtrpcChannel;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole forwarder over real sockets, with a recording agent and a pod network that is only written down. */
class ForwarderIT {

    private static final PodNetwork NETWORK = new PodNetwork(
            List.of(IpPrefix.parse("10.42.3.17/24")),
            "3a:5c:11:9e:02:7f",
            "eth0",
            IpPrefix.parse("172.31.8.21/20"),
            "vxlan",
            List.of(),
            List.of(),
            1450,
            1,
            4789,
            555001,
            false,
            false);

    @TempDir
    private Path folder;

    private final FakePodNetwork podNetwork = new FakePodNetwork();
    private final TestIdentity server = TestIdentity.server();
    private final TestIdentity client = TestIdentity.client();
    private Path podNamespace = Path.of("/");

    @BeforeEach
    void makeTheNamespaceFile() throws IOException {
        podNamespace = Files.createFile(folder.resolve("podns"));
    }

    private void configure(Optional<PodNetwork> network, boolean withAuthority) throws IOException {
        Files.writeString(
                folder.resolve("apf.json"),
                new ForwarderConfig(
                                network,
                                "default",
                                "web",
                                Optional.of(server.keyPem()),
                                Optional.of(server.certificatePem()),
                                withAuthority ? Optional.of(client.certificatePem()) : Optional.empty(),
                                Optional.empty(),
                                List.of())
                        .write());
    }

    private Forwarder start(String... more) throws Exception {
        return start(podNetwork, more);
    }

    private Forwarder start(PodNetworkHalf network, String... more) throws Exception {
        var arguments = new ArrayList<>(List.of(
                "-config", folder.resolve("apf.json").toString(),
                "-listen", "127.0.0.1:0",
                "-kata-agent-socket", agentSocket().toString(),
                "-pod-namespace", podNamespace.toString()));
        arguments.addAll(List.of(more));
        var table = new ForwarderSettings.Table();
        return Forwarder.start(table.read(table.resolve(arguments)), network);
    }

    private Path agentSocket() {
        return folder.resolve("agent.sock");
    }

    private static TtrpcChannel plain(Forwarder forwarder) throws IOException {
        return TtrpcChannel.over(SocketChannel.open(forwarder.address()));
    }

    private static HealthCheckResponse.ServingStatus check(TtrpcChannel channel) {
        return HealthGrpc.newBlockingStub(channel)
                .check(CheckRequest.getDefaultInstance())
                .getStatus();
    }

    /** One Health/Check by hand; the type byte of the answer's frame. */
    private static int checkOverTls(InetSocketAddress address, SSLContext context) throws IOException {
        try (var socket =
                (SSLSocket) context.getSocketFactory().createSocket(address.getAddress(), address.getPort())) {
            socket.setSoTimeout(10_000);
            var message = new ByteArrayOutputStream();
            CodedOutputStream fields = CodedOutputStream.newInstance(message);
            fields.writeString(1, "grpc.Health");
            fields.writeString(2, "Check");
            fields.flush();
            var out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(message.size());
            out.writeInt(1);
            out.writeShort(0x0100);
            message.writeTo(out);
            out.flush();
            var in = new DataInputStream(socket.getInputStream());
            in.readFully(new byte[8]);
            return in.readByte();
        }
    }

    @Test
    void requestsReachTheAgentAndTwoOfThemEdited() throws Exception {
        configure(Optional.of(NETWORK), true);
        try (var agent = new RecordingAgent(agentSocket());
                var forwarder = start("-disable-tls");
                var channel = plain(forwarder)) {
            assertThat(check(channel)).isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
            var stub = AgentServiceGrpc.newBlockingStub(channel);
            var unused = stub.createSandbox(CreateSandboxRequest.newBuilder()
                    .setSandboxId("s1")
                    .addDns("nameserver 10.96.0.10")
                    .build());
            unused = stub.createContainer(CreateContainerRequest.newBuilder()
                    .setContainerId("c1")
                    .setOCI(Spec.newBuilder().setLinux(Linux.newBuilder().setCgroupsPath("/c1")))
                    .build());
            assertThat(agent.sandboxes)
                    .containsExactly(
                            CreateSandboxRequest.newBuilder().setSandboxId("s1").build());
            assertThat(agent.containers.getFirst().getOCI().getLinux().getNamespacesList())
                    .containsExactly(LinuxNamespace.newBuilder()
                            .setType("network")
                            .setPath(podNamespace.toString())
                            .build());
        }
        assertThat(podNetwork.calls).containsExactly("set up [10.42.3.17/24] in " + podNamespace, "tear down");
    }

    @Test
    void aRequestThatWouldCrashTheReferenceIsRefusedOnItsStreamOnly() throws Exception {
        configure(Optional.of(NETWORK), true);
        try (var agent = new RecordingAgent(agentSocket());
                var forwarder = start("-disable-tls");
                var channel = plain(forwarder)) {
            assertThatThrownBy(() -> AgentServiceGrpc.newBlockingStub(channel)
                            .createContainer(CreateContainerRequest.newBuilder()
                                    .setContainerId("c1")
                                    .build()))
                    .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
                        assertThat(e.getStatus().getDescription()).contains("no OCI specification");
                    });
            assertThat(check(channel)).isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
            assertThat(agent.containers).isEmpty();
        }
    }

    @Test
    void theAgentIsConnectedBeforeAnybodyAsksAndOnlyOnce() throws Exception {
        configure(Optional.of(NETWORK), true);
        try (var agent = new RecordingAgent(agentSocket());
                var forwarder = start("-disable-tls")) {
            forwarder.awaitAgent();
            try (var first = plain(forwarder);
                    var second = plain(forwarder)) {
                check(first);
                check(second);
                assertThat(agent.connections()).isEqualTo(1);
            }
        }
    }

    @Test
    void anAgentThatComesLateIsWaitedFor() throws Exception {
        configure(Optional.of(NETWORK), true);
        try (var forwarder = start("-disable-tls");
                var channel = plain(forwarder)) {
            var answer = CompletableFuture.supplyAsync(() -> check(channel));
            try (var agent = new RecordingAgent(agentSocket())) {
                assertThat(answer.get()).isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
                assertThat(agent.connections()).isEqualTo(1);
            }
        }
    }

    @Test
    void anAgentThatNeverComesEndsTheWaitWhenAskedFor() throws Exception {
        configure(Optional.of(NETWORK), true);
        try (var forwarder = start("-disable-tls", "-agent-dial-timeout", "200ms")) {
            assertThatThrownBy(forwarder::awaitAgent)
                    .isInstanceOf(ForwarderException.class)
                    .hasMessageContaining(agentSocket().toString());
        }
    }

    @Test
    void aClientWithItsCertificateIsServed() throws Exception {
        configure(Optional.of(NETWORK), true);
        try (var agent = new RecordingAgent(agentSocket());
                var forwarder = start()) {
            assertThat(checkOverTls(forwarder.address(), client.trusting(server)))
                    .isEqualTo(2);
            assertThat(agent.connections()).isEqualTo(1);
        }
    }

    @Test
    void aStrangerIsNotServed() throws Exception {
        configure(Optional.of(NETWORK), true);
        try (var agent = new RecordingAgent(agentSocket());
                var forwarder = start()) {
            assertThatThrownBy(() -> checkOverTls(
                            forwarder.address(), TestIdentity.client().trusting(server)))
                    .isInstanceOf(IOException.class);
            assertThatThrownBy(() -> checkOverTls(forwarder.address(), TestIdentity.nobodyTrusting(server)))
                    .isInstanceOf(IOException.class);
            assertThat(checkOverTls(forwarder.address(), client.trusting(server)))
                    .isEqualTo(2);
            assertThat(agent.containers).isEmpty();
        }
    }

    @Test
    void withoutAnAuthorityTheDoorStaysClosedUnlessAskedFor() throws Exception {
        configure(Optional.of(NETWORK), false);
        assertThatThrownBy(this::start)
                .isInstanceOf(ForwarderException.class)
                .hasMessageContaining("no authority to check clients against");
        assertThat(podNetwork.calls).isEmpty();
        try (var agent = new RecordingAgent(agentSocket());
                var forwarder = start("-allow-unauthenticated-clients")) {
            assertThat(checkOverTls(forwarder.address(), TestIdentity.nobodyTrusting(server)))
                    .isEqualTo(2);
            assertThat(agent.connections()).isEqualTo(1);
        }
    }

    @Test
    void aConfigurationWithoutPodNetworkIsRefusedInWords() throws Exception {
        Files.writeString(folder.resolve("apf.json"), "{\"pod-name\": \"web\", \"pod-network\": null}");
        assertThatThrownBy(() -> start("-disable-tls"))
                .isInstanceOf(ForwarderException.class)
                .hasMessageContaining("no pod-network");
    }

    @Test
    void aMissingOrBrokenConfigurationIsRefusedInWords() throws Exception {
        assertThatThrownBy(() -> start("-disable-tls"))
                .isInstanceOf(ForwarderException.class)
                .hasMessageContaining("does not exist")
                .hasMessageContaining("process-user-data");
        for (String bad : List.of("", "{", "[]", "\"x\"", "{\"pod-network\": 7}", "{".repeat(100_000))) {
            Files.writeString(folder.resolve("apf.json"), bad);
            assertThatThrownBy(() -> start("-disable-tls"))
                    .isInstanceOf(ForwarderException.class)
                    .hasMessageContaining("apf.json");
        }
    }

    @Test
    void aNetworkThatCannotBeSetUpEndsTheStart() throws Exception {
        configure(Optional.of(NETWORK), true);
        assertThatThrownBy(() -> start(new FakePodNetwork(Optional.of("there is no interface")), "-disable-tls"))
                .isInstanceOf(ForwarderException.class)
                .hasMessageContaining("there is no interface");
    }

    @Test
    void aPortInUseIsSaidInWords() throws Exception {
        configure(Optional.of(NETWORK), true);
        try (var forwarder = start("-disable-tls")) {
            assertThatThrownBy(() -> start(
                            "-disable-tls",
                            "-listen",
                            "127.0.0.1:" + forwarder.address().getPort()))
                    .isInstanceOf(ForwarderException.class)
                    .hasMessageContaining("Listening on");
        }
    }

    @Test
    void brokenKeyMaterialIsSaidInWords() throws Exception {
        Path broken = Files.writeString(folder.resolve("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n");
        configure(Optional.of(NETWORK), true);
        assertThatThrownBy(() -> start("-ca-cert-file", broken.toString()))
                .isInstanceOf(ForwarderException.class)
                .hasMessageContaining("TLS material");
    }
}
