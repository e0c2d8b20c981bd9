// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.plan;

import io.peerpod.contract.Annotations;
import io.peerpod.contract.ContractException;
import io.peerpod.contract.Initdata;
import io.peerpod.contract.hypervisor.CreateVMRequest;
import io.peerpod.sandbox.Pod;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads what a shim asks for, and refuses what is no request, before anything is done for it. */
public final class RequestReader {
    /** Longest id of a sandbox; Kata's have 64. It names files and folders. */
    public static final int MAX_ID_CHARACTERS = 128;

    /** Most annotations in one request; Kata sends nine. */
    static final int MAX_ANNOTATIONS = 256;

    /** Bytes of initdata as text; clouds take far less user data than this. */
    static final int MAX_INITDATA_BYTES = 1 << 20;

    /** Longest path that Linux takes. */
    static final int MAX_PATH_BYTES = 4095;

    private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0," + (MAX_ID_CHARACTERS - 1) + "}");
    private static final String REQUEST = "CreateVM";
    private static final Logger log = LoggerFactory.getLogger(RequestReader.class);

    private RequestReader() {}

    /**
     * Checks a sandbox's id.
     *
     * @param call for the message
     */
    public static String id(String call, String id) throws ContractException {
        if (id.isEmpty()) {
            throw new ContractException(call, "id", "a sandbox id", "nothing");
        }
        if (!ID.matcher(id).matches()) {
            throw new ContractException(
                    call,
                    "id",
                    "1 to " + MAX_ID_CHARACTERS
                            + " letters, digits, '-', '_' and '.', beginning with a letter or digit",
                    id.length() > MAX_ID_CHARACTERS ? id.length() + " characters" : shown(id));
        }
        return id;
    }

    /** Reads CreateVM; what a guest would refuse later, such as bad initdata, is refused now. */
    public static SandboxRequest read(CreateVMRequest request) throws ContractException {
        String id = id(REQUEST, request.getId());
        Map<String, String> map = request.getAnnotationsMap();
        if (map.size() > MAX_ANNOTATIONS) {
            throw new ContractException(
                    REQUEST, "annotations", "at most " + MAX_ANNOTATIONS + " annotations", map.size() + " of them");
        }
        Annotations annotations = Annotations.of(map);
        if (annotations.initdata().isPresent()) {
            byte[] toml = annotations.initdata().get().getBytes(StandardCharsets.UTF_8);
            if (toml.length > MAX_INITDATA_BYTES) {
                throw new ContractException(
                        REQUEST,
                        "annotation " + Annotations.INITDATA,
                        "at most " + MAX_INITDATA_BYTES + " bytes",
                        toml.length + " bytes");
            }
            Initdata.parseToml(toml);
        }
        annotations
                .problems()
                .forEach(problem -> log.atWarn()
                        .addKeyValue("sandbox", id)
                        .addKeyValue("failure", problem)
                        .log("an annotation was not understood"));
        return new SandboxRequest(
                id,
                new Pod(annotations.podNamespace(), annotations.podName()),
                namespace(request.getNetworkNamespacePath()),
                annotations.machineType(),
                annotations.image(),
                annotations.vcpus(),
                annotations.memoryMib(),
                annotations.gpus(),
                annotations.initdata());
    }

    private static Path namespace(String path) throws ContractException {
        boolean usable = path.startsWith("/")
                && path.indexOf('\0') < 0
                && path.getBytes(StandardCharsets.UTF_8).length <= MAX_PATH_BYTES;
        if (!usable) {
            throw new ContractException(
                    REQUEST,
                    "networkNamespacePath",
                    "the absolute path of the pod's network namespace",
                    path.isEmpty() ? "nothing" : path.length() > 200 ? path.length() + " characters" : shown(path));
        }
        return Path.of(path);
    }

    private static String shown(String text) {
        StringBuilder shown = new StringBuilder("'");
        text.chars().forEach(c -> shown.append(c < 0x20 || c == 0x7f ? "?" : Character.toString(c)));
        return shown.append('\'').toString();
    }
}
