// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import io.peerpod.contract.agent.CopyFileRequest;
import io.peerpod.contract.agent.ReadStreamRequest;
import io.peerpod.contract.agent.WriteStreamRequest;
import io.peerpod.doubles.EchoAgent;
import java.util.List;
import java.util.OptionalInt;

/**
 * One kind of load.
 *
 * @param name on the terminal and in JSON
 * @param callers how many calls are open at any time, all on one connection
 * @param method of the agent service
 * @param upBytes payload in each request
 * @param downBytes payload in each answer
 * @param referencePercent what the reference keeps of its floor, from the published comparison of the same case
 */
record LoadCase(String name, int callers, String method, int upBytes, int downBytes, OptionalInt referencePercent) {
    private static final int UNARY_BYTES = 64;
    private static final int READ_BYTES = 32 << 10;
    private static final int COPY_BYTES = 1 << 20;

    /** In the order in which they run. */
    static final List<LoadCase> ALL = List.of(
            unary(1, 16),
            unary(16, 16),
            unary(64, 22),
            new LoadCase("read32k-c1", 1, "ReadStdout", 0, READ_BYTES, OptionalInt.of(27)),
            new LoadCase("read32k-c8", 8, "ReadStdout", 0, READ_BYTES, OptionalInt.of(22)),
            new LoadCase("copy1m-c1", 1, "CopyFile", COPY_BYTES, 0, OptionalInt.of(27)),
            new LoadCase("copy1m-c4", 4, "CopyFile", COPY_BYTES, 0, OptionalInt.of(27)));

    private static LoadCase unary(int callers, int referencePercent) {
        return new LoadCase(
                "unary-c" + callers, callers, "WriteStdin", UNARY_BYTES, 0, OptionalInt.of(referencePercent));
    }

    /** The message of every request. */
    MessageLite request() {
        return switch (method) {
            case "WriteStdin" ->
                WriteStreamRequest.newBuilder()
                        .setContainerId(EchoAgent.BENCH_CONTAINER)
                        .setExecId(EchoAgent.BENCH_CONTAINER)
                        .setData(pattern())
                        .build();
            case "ReadStdout" ->
                ReadStreamRequest.newBuilder()
                        .setContainerId(EchoAgent.BENCH_CONTAINER)
                        .setExecId(EchoAgent.BENCH_CONTAINER)
                        .setLen(downBytes)
                        .build();
            case "CopyFile" ->
                CopyFileRequest.newBuilder()
                        .setPath("/run/kata-containers/shared/containers/" + EchoAgent.BENCH_CONTAINER)
                        .setFileSize(upBytes)
                        .setFileMode(0100644)
                        .setDirMode(040755)
                        .setData(pattern())
                        .build();
            default -> throw new IllegalStateException(method + " is not a method of a load case");
        };
    }

    private ByteString pattern() {
        byte[] data = new byte[upBytes];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (i * 31);
        }
        return ByteString.copyFrom(data);
    }

    /** Size in bytes of the message in every good answer. */
    int answerBytes() {
        return switch (method) {
            case "WriteStdin" -> CodedOutputStream.computeUInt32Size(1, upBytes);
            case "ReadStdout" ->
                CodedOutputStream.computeTagSize(1) + CodedOutputStream.computeUInt32SizeNoTag(downBytes) + downBytes;
            default -> 0;
        };
    }
}
