// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import static io.peerpod.forwarder.edit.RequestSamples.container;
import static io.peerpod.forwarder.edit.RequestSamples.mount;
import static io.peerpod.forwarder.edit.RequestSamples.namespace;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.CreateSandboxRequest;
import io.peerpod.contract.agent.Linux;
import io.peerpod.contract.agent.Spec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AgentRequestEditorTest {

    private static final String SERVICE = "grpc.AgentService";

    @TempDir
    private Path folder;

    private Path podNamespace = Path.of("/");
    private Path mountInfo = Path.of("/");

    @BeforeEach
    void prepare() throws IOException {
        podNamespace = Files.createFile(folder.resolve("podns"));
        mountInfo = Files.writeString(
                folder.resolve("mountinfo"), "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n");
    }

    private byte[] edit(String method, byte[] payload) throws StatusException, InterruptedException {
        return new AgentRequestEditor(podNamespace, new MountPoints(mountInfo))
                .edit(SERVICE, method, payload, Optional.of(Duration.ofMillis(200)));
    }

    private CreateContainerRequest edit(CreateContainerRequest request) throws Exception {
        return CreateContainerRequest.parseFrom(edit("CreateContainer", request.toByteArray()));
    }

    private void refused(CreateContainerRequest request, Status.Code code, String words) {
        assertThatThrownBy(() -> edit(request)).isInstanceOfSatisfying(StatusException.class, e -> {
            assertThat(e.getStatus().getCode()).isEqualTo(code);
            assertThat(e.getStatus().getDescription()).contains(words);
        });
    }

    @Test
    void onlyTwoMethodsAreEdited() {
        var editor = new AgentRequestEditor(podNamespace);
        assertThat(editor.edits(SERVICE, "CreateContainer")).isTrue();
        assertThat(editor.edits(SERVICE, "CreateSandbox")).isTrue();
        assertThat(editor.edits(SERVICE, "DestroySandbox")).isFalse();
        assertThat(editor.edits(SERVICE, "StartContainer")).isFalse();
        assertThat(editor.edits("grpc.Health", "Check")).isFalse();
        assertThat(editor.edits("other.Service", "CreateContainer")).isFalse();
    }

    @Test
    void theContainerJoinsThePodsNetwork() throws Exception {
        CreateContainerRequest request = container().build();
        var expected = request.toBuilder();
        expected.getOCIBuilder().getLinuxBuilder().addNamespaces(namespace("network", podNamespace.toString()));
        assertThat(edit(request)).isEqualTo(expected.build());
    }

    @Test
    void anotherNetworkNamespaceIsReplaced() throws Exception {
        var request = container();
        request.getOCIBuilder()
                .getLinuxBuilder()
                .addNamespaces(0, namespace("network", "/proc/1/ns/net"))
                .addNamespaces(namespace("network", ""));
        var expected = container();
        expected.getOCIBuilder().getLinuxBuilder().addNamespaces(namespace("network", podNamespace.toString()));
        assertThat(edit(request.build())).isEqualTo(expected.build());
    }

    @Test
    void fieldsOfALaterAgentSurvive() throws Exception {
        UnknownFieldSet later = UnknownFieldSet.newBuilder()
                .addField(
                        4000,
                        UnknownFieldSet.Field.newBuilder()
                                .addVarint(7)
                                .addLengthDelimited(ByteString.copyFromUtf8("later"))
                                .addFixed32(1)
                                .addFixed64(2)
                                .build())
                .build();
        var request = container().setUnknownFields(later);
        request.getOCIBuilder().setUnknownFields(later);
        request.getOCIBuilder().getLinuxBuilder().setUnknownFields(later);
        var expected = request.build().toBuilder();
        expected.getOCIBuilder().getLinuxBuilder().addNamespaces(namespace("network", podNamespace.toString()));
        assertThat(edit(request.build())).isEqualTo(expected.build());
    }

    @Test
    void aSpecificationInPiecesIsMergedAsTheAgentDoes() throws Exception {
        var second = CreateContainerRequest.newBuilder()
                .setOCI(Spec.newBuilder()
                        .setHostname("h")
                        .setLinux(Linux.newBuilder().addNamespaces(namespace("network", "/elsewhere"))))
                .build();
        var pieces = new ByteArrayOutputStream();
        container().build().writeTo(pieces);
        second.writeTo(pieces);
        CreateContainerRequest edited = CreateContainerRequest.parseFrom(edit("CreateContainer", pieces.toByteArray()));
        assertThat(edited.getOCI().getHostname()).isEqualTo("h");
        assertThat(edited.getOCI().getLinux().getNamespacesList())
                .filteredOn(namespace -> namespace.getType().equals("network"))
                .containsExactly(namespace("network", podNamespace.toString()));
    }

    @Test
    void aRequestWithoutASpecificationIsRefusedInWords() {
        refused(
                CreateContainerRequest.newBuilder().setContainerId("c1").build(),
                Status.Code.INVALID_ARGUMENT,
                "'c1' has no OCI specification");
    }

    @Test
    void aSpecificationWithoutItsLinuxPartIsRefusedInWords() {
        refused(
                CreateContainerRequest.newBuilder()
                        .setContainerId("c1")
                        .setOCI(Spec.newBuilder().setHostname("h"))
                        .build(),
                Status.Code.INVALID_ARGUMENT,
                "without its Linux part");
        refused(
                CreateContainerRequest.newBuilder()
                        .setOCI(Spec.getDefaultInstance())
                        .build(),
                Status.Code.INVALID_ARGUMENT,
                "without its Linux part");
    }

    @Test
    void anEmptyLinuxPartIsEnough() throws Exception {
        var request = CreateContainerRequest.newBuilder()
                .setOCI(Spec.newBuilder().setLinux(Linux.getDefaultInstance()))
                .build();
        assertThat(edit(request).getOCI().getLinux().getNamespacesList())
                .containsExactly(namespace("network", podNamespace.toString()));
    }

    @Test
    void aMissingPodNamespaceIsNamed() throws IOException {
        Files.delete(podNamespace);
        refused(container().build(), Status.Code.FAILED_PRECONDITION, podNamespace.toString());
    }

    @Test
    void cloudVolumesAreRefusedAndNotIgnored() throws Exception {
        var request = container();
        request.getOCIBuilder().putAnnotations("io.confidentialcontainers.org.cloud_volumes", "{\"vol-0\":{}}");
        refused(request.build(), Status.Code.FAILED_PRECONDITION, "cloud volumes are not supported by this release");
        request.getOCIBuilder().putAnnotations("io.confidentialcontainers.org.cloud_volumes", "");
        assertThat(edit(request.build()).getOCI().getLinux().getNamespacesCount())
                .isEqualTo(4);
    }

    @Test
    void aMissingBindSourceBecomesAFolder() throws Exception {
        Path source = folder.resolve("a/b");
        var request = container();
        request.getOCIBuilder().addMounts(mount("bind", source.toString()));
        edit(request.build());
        assertThat(source).isDirectory();
        request.getOCIBuilder().addMounts(mount("tmpfs", folder.resolve("c").toString()));
        edit(request.build());
        assertThat(folder.resolve("c")).doesNotExist();
    }

    @Test
    void aForbiddenBindSourceIsRefusedInWords() {
        var request = container();
        request.getOCIBuilder().addMounts(mount("bind", "/etc/peerpod-test-never-made"));
        refused(request.build(), Status.Code.FAILED_PRECONDITION, "nothing is created below /etc");
        assertThat(Path.of("/etc/peerpod-test-never-made")).doesNotExist();
    }

    @Test
    void aVolumeIsWaitedFor() throws Exception {
        Path volume = Files.createDirectory(folder.resolve("vol ume"));
        var request = container();
        request.getOCIBuilder()
                .putAnnotations("io.confidentialcontainers.org.peerpodvolumes.target_path", ",/other, " + volume + " ")
                .addMounts(mount("bind", volume.toString()));
        refused(request.build(), Status.Code.DEADLINE_EXCEEDED, volume.toString());
        Files.writeString(mountInfo, "30 22 0:5 / " + volume.toString().replace(" ", "\\040") + " rw - tmpfs x rw\n");
        assertThat(edit(request.build()).getOCI().getMountsCount()).isEqualTo(2);
    }

    @Test
    void dnsIsDroppedFromTheSandboxAndNothingElse() throws Exception {
        var request = CreateSandboxRequest.newBuilder()
                .setHostname("pod")
                .addDns("nameserver 10.96.0.10")
                .setSandboxId("s1")
                .addDns("search x")
                .setUnknownFields(UnknownFieldSet.newBuilder()
                        .addField(
                                99,
                                UnknownFieldSet.Field.newBuilder().addVarint(1).build())
                        .build());
        assertThat(CreateSandboxRequest.parseFrom(
                        edit("CreateSandbox", request.build().toByteArray())))
                .isEqualTo(request.clone().clearDns().build());
        byte[] without = request.clearDns().build().toByteArray();
        assertThat(edit("CreateSandbox", without)).isEqualTo(without);
    }

    @Test
    void truncatedRequestsAreRefusedNeverCrash() throws Exception {
        byte[] whole = container().build().toByteArray();
        for (int length = 0; length < whole.length; length++) {
            mayBeRefused("CreateContainer", Arrays.copyOf(whole, length));
        }
    }

    @Test
    void randomlyDamagedRequestsAreRefusedOrForwardedNeverCrash() throws Exception {
        var random = new Random(20260101);
        byte[] whole = container().build().toByteArray();
        for (int round = 0; round < 5000; round++) {
            byte[] damaged = whole.clone();
            for (int i = 0; i < 3; i++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            mayBeRefused("CreateContainer", damaged);
            mayBeRefused("CreateSandbox", damaged);
        }
    }

    private void mayBeRefused(String method, byte[] payload) throws InterruptedException {
        try {
            edit(method, payload);
        } catch (StatusException e) {
            assertThat(e.getStatus().getCode())
                    .isIn(Status.Code.INVALID_ARGUMENT, Status.Code.FAILED_PRECONDITION, Status.Code.DEADLINE_EXCEEDED);
        }
    }

    @Test
    void fourMebibytesOfEmptyEntriesStaySmall() {
        // Tag and length 0, two bytes each: annotations, namespaces, mounts, whole specifications.
        for (int tag : new int[] {(5 << 3) | 2, (7 << 3) | 2, (8 << 3) | 2}) {
            byte[] spec = repeated(tag, 1 << 20);
            var request = CreateContainerRequest.newBuilder()
                    .setContainerId("c1")
                    .build()
                    .toByteString()
                    .concat(field(6, ByteString.copyFrom(spec)));
            assertThatThrownBy(() -> edit("CreateContainer", request.toByteArray()))
                    .isInstanceOf(StatusException.class);
        }
        assertThatThrownBy(() -> edit("CreateContainer", repeated((6 << 3) | 2, 1 << 20)))
                .isInstanceOf(StatusException.class)
                .hasMessageContaining("in pieces");
    }

    private static byte[] repeated(int tag, int times) {
        byte[] bytes = new byte[times * 2];
        for (int i = 0; i < times; i++) {
            bytes[2 * i] = (byte) tag;
        }
        return bytes;
    }

    private static ByteString field(int number, ByteString content) {
        return UnknownFieldSet.newBuilder()
                .addField(
                        number,
                        UnknownFieldSet.Field.newBuilder()
                                .addLengthDelimited(content)
                                .build())
                .build()
                .toByteString();
    }
}
