// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import com.google.protobuf.ByteString;
import io.grpc.StatusRuntimeException;
import io.peerpod.contract.agent.AgentServiceGrpc;
import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.contract.agent.ExecProcessRequest;
import io.peerpod.contract.agent.Process;
import io.peerpod.contract.agent.ReadStreamRequest;
import io.peerpod.contract.agent.Spec;
import io.peerpod.contract.agent.StartContainerRequest;
import io.peerpod.contract.agent.WaitProcessRequest;
import io.peerpod.contract.health.HealthGrpc;
import io.peerpod.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** An agent on a real socket in a folder of its own, and a client. The machine's host name and mounts are only noted. */
final class AgentFixture implements AutoCloseable {
    final Path folder;
    final List<String> machine = new ArrayList<>();
    final StandInAgent agent;
    final TtrpcChannel channel;
    final AgentServiceGrpc.AgentServiceBlockingStub client;

    AgentFixture() throws IOException {
        folder = Files.createTempDirectory("peerpod-agent-");
        agent = StandInAgent.start(folder.resolve("kata"), new GuestMachine() {
            @Override
            public void setHostname(String name) {
                machine.add("hostname " + name);
            }

            @Override
            public void mountMemory(Path target, List<String> options) {
                machine.add("mount " + target.getFileName() + " " + options);
            }

            @Override
            public void unmount(Path target) {
                machine.add("unmount " + target.getFileName());
            }
        });
        channel = TtrpcChannel.connect(socket());
        client = AgentServiceGrpc.newBlockingStub(channel);
    }

    Path socket() {
        return folder.resolve("kata").resolve("agent.sock");
    }

    Path shared() {
        return folder.resolve("kata/shared/containers");
    }

    HealthGrpc.HealthBlockingStub health() {
        return HealthGrpc.newBlockingStub(channel);
    }

    static Process process(String... arguments) {
        return Process.newBuilder()
                .addAllArgs(List.of(arguments))
                .addEnv("PATH=/usr/sbin:/usr/bin:/sbin:/bin")
                .setCwd("/")
                .build();
    }

    static Process shell(String script) {
        return process("sh", "-c", script);
    }

    void create(String id, Process process) {
        client.createContainer(CreateContainerRequest.newBuilder()
                .setContainerId(id)
                .setExecId(id)
                .setOCI(Spec.newBuilder().setProcess(process))
                .build());
    }

    void start(String id) {
        client.startContainer(
                StartContainerRequest.newBuilder().setContainerId(id).build());
    }

    void run(String id, Process process) {
        create(id, process);
        start(id);
    }

    void exec(String id, String execId, Process process) {
        client.execProcess(ExecProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(execId)
                .setProcess(process)
                .build());
    }

    int await(String id, String execId) {
        return client.waitProcess(WaitProcessRequest.newBuilder()
                        .setContainerId(id)
                        .setExecId(execId)
                        .build())
                .getStatus();
    }

    /** One read, as a shim does it. */
    ByteString read(String id, String execId, int length) {
        return client.readStdout(ReadStreamRequest.newBuilder()
                        .setContainerId(id)
                        .setExecId(execId)
                        .setLen(length)
                        .build())
                .getData();
    }

    /** Reads to the end; a terminal's end is an error. */
    String readAll(String id, String execId) {
        ByteString all = ByteString.EMPTY;
        try {
            while (true) {
                ByteString part = read(id, execId, 8192);
                if (part.isEmpty()) {
                    return all.toStringUtf8();
                }
                all = all.concat(part);
            }
        } catch (StatusRuntimeException e) {
            if ("Input/output error (os error 5)".equals(e.getStatus().getDescription())) {
                return all.toStringUtf8();
            }
            throw e;
        }
    }

    /** Reads until the output has that text in it. */
    String readUntil(String id, String execId, String text) {
        StringBuilder all = new StringBuilder();
        while (all.indexOf(text) < 0) {
            ByteString part = read(id, execId, 8192);
            if (part.isEmpty()) {
                throw new AssertionError("the output ended without '" + text + "': " + all);
            }
            all.append(part.toStringUtf8());
        }
        return all.toString();
    }

    @Override
    public void close() throws IOException {
        channel.close();
        agent.close();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
