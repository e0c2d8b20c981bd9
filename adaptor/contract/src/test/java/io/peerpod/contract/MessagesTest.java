// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.peerpod.contract.agent.AgentServiceGrpc;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.cdh.ImagePullServiceGrpc;
import io.peerpod.contract.cdh.SecureMountServiceGrpc;
import io.peerpod.contract.health.HealthGrpc;
import io.peerpod.contract.hypervisor.HypervisorGrpc;
import io.peerpod.contract.podvminfo.PodVMInfoGrpc;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MessagesTest {

    @Test
    void servicesHaveTheNamesOfTheWire() {
        assertMethods(AgentServiceGrpc.getServiceDescriptor(), "grpc.AgentService", 42);
        assertMethods(HealthGrpc.getServiceDescriptor(), "grpc.Health", 2);
        assertMethods(HypervisorGrpc.getServiceDescriptor(), "hypervisor.Hypervisor", 4);
        assertMethods(PodVMInfoGrpc.getServiceDescriptor(), "podvminfo.PodVMInfo", 1);
        assertMethods(SecureMountServiceGrpc.getServiceDescriptor(), "api.SecureMountService", 1);
        assertMethods(ImagePullServiceGrpc.getServiceDescriptor(), "api.ImagePullService", 1);
    }

    private static void assertMethods(ServiceDescriptor service, String name, int methods) {
        assertThat(service.getName()).isEqualTo(name);
        assertThat(List.copyOf(service.getMethods()))
                .hasSize(methods)
                .allMatch(method -> method.getType() == MethodDescriptor.MethodType.UNARY);
    }

    @Test
    void fieldsThatAreNotKnownSurvive() throws InvalidProtocolBufferException {
        UnknownFieldSet unknown = UnknownFieldSet.newBuilder()
                .addField(1000, UnknownFieldSet.Field.newBuilder().addVarint(7).build())
                .build();
        CreateContainerRequest sent = CreateContainerRequest.newBuilder()
                .setContainerId("c")
                .setUnknownFields(unknown)
                .build();
        CreateContainerRequest read = CreateContainerRequest.parseFrom(sent.toByteArray());
        assertThat(read.toBuilder().setContainerId("d").build().getUnknownFields())
                .isEqualTo(unknown);
    }
}
