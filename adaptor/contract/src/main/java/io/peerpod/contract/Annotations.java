// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What the shim says about a pod in CreateVM (adaptor.md 2.3 and 8.1). Shims send every key, with an empty text or {@code 0} for
 * what the pod does not ask.
 *
 * @param podName the Kubernetes pod
 * @param podNamespace its Kubernetes namespace
 * @param machineType the cloud's instance type, if the pod asks for one
 * @param image the cloud's image, if the pod asks for one
 * @param vcpus at least this many; fractions are possible (runtime-rs); 0 means not asked for
 * @param memoryMib mebibytes, rounded up; 0 means not asked for
 * @param gpus number of GPUs; 0 means none
 * @param gpuModel the model, if the pod asks for one; the reference ignores it
 * @param initdata the pod's initdata document as TOML text, if there is one; not looked at here
 * @param problems sentences about values that cannot be read and were taken as not asked for, as the reference does
 */
public record Annotations(
        String podName,
        String podNamespace,
        Optional<String> machineType,
        Optional<String> image,
        double vcpus,
        long memoryMib,
        int gpus,
        Optional<String> gpuModel,
        Optional<String> initdata,
        List<String> problems) {

    /** The pod's name; CRI-O puts the sandbox's name here. */
    public static final String POD_NAME = "io.kubernetes.cri.sandbox-name";

    /** The pod's namespace. */
    public static final String POD_NAMESPACE = "io.kubernetes.cri.sandbox-namespace";

    /** The pod's uid; only in the OCI annotations of containerd, never in CreateVM. */
    public static final String POD_UID = "io.kubernetes.cri.sandbox-uid";

    private static final String HYPERVISOR = "io.katacontainers.config.hypervisor.";

    /** The cloud's instance type. */
    public static final String MACHINE_TYPE = HYPERVISOR + "machine_type";

    /** The cloud's image. */
    public static final String IMAGE = HYPERVISOR + "image";

    /** Virtual CPUs, decimal. */
    public static final String VCPUS = HYPERVISOR + "default_vcpus";

    /** Mebibytes, decimal. */
    public static final String MEMORY = HYPERVISOR + "default_memory";

    /** Number of GPUs; also in the OCI annotations of CreateContainer. */
    public static final String GPUS = HYPERVISOR + "default_gpus";

    /** GPU model. */
    public static final String GPU_MODEL = HYPERVISOR + "default_gpu_model";

    /** Initdata: the TOML document in CreateVM, base64 of gzip of it on the pod. */
    public static final String INITDATA = HYPERVISOR + "cc_init_data";

    /** On containers: asks the agent for devices described by CDI. */
    public static final String CDI_PEER_PODS = "cdi.k8s.io/peer-pods";

    /** The value of {@link #CDI_PEER_PODS} that hands over every GPU. */
    public static final String CDI_ALL_GPUS = "nvidia.com/gpu=all";

    /** On containers: bind sources to wait for, comma separated (adaptor.md 4.4). */
    public static final String VOLUME_TARGET_PATHS = "io.confidentialcontainers.org.peerpodvolumes.target_path";

    /** On containers: cloud volumes as JSON (adaptor.md 5.4). */
    public static final String CLOUD_VOLUMES = "io.confidentialcontainers.org.cloud_volumes";

    /** On containers: what kind it is, from containerd; {@code sandbox} is the pause container. */
    public static final String CONTAINER_TYPE = "io.kubernetes.cri.container-type";

    /** As {@link #CONTAINER_TYPE}, from CRI-O. */
    public static final String CONTAINER_TYPE_CRIO = "io.kubernetes.cri-o.ContainerType";

    /** Characters of a pod name or namespace; Kubernetes allows 253 and 63. */
    public static final int MAX_NAME_CHARACTERS = 512;

    /** More of anything than any machine has; beyond it a value is a mistake. */
    private static final long MAX_QUANTITY = 1L << 40;

    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,13}(\\.[0-9]{1,9})?");
    private static final String DOCUMENT = "CreateVM annotations";

    public Annotations {
        problems = List.copyOf(problems);
    }

    /**
     * Reads the map of CreateVM.
     *
     * @throws ContractException if the pod's name or namespace is missing or unusable; wrong quantities only become
     *     {@link #problems}
     */
    public static Annotations of(Map<String, String> map) throws ContractException {
        String podName = name(POD_NAME, podName(map.getOrDefault(POD_NAME, "")));
        String podNamespace = name(POD_NAMESPACE, map.getOrDefault(POD_NAMESPACE, ""));
        List<String> problems = new ArrayList<>();
        BigDecimal vcpus = quantity(map, VCPUS, problems);
        BigDecimal memory = quantity(map, MEMORY, problems);
        BigDecimal gpus = quantity(map, GPUS, problems);
        if (gpus.stripTrailingZeros().scale() > 0 || gpus.compareTo(BigDecimal.valueOf(Integer.MAX_VALUE)) > 0) {
            problems.add(problem(GPUS, "a whole number", map.getOrDefault(GPUS, "")));
            gpus = BigDecimal.ZERO;
        }
        return new Annotations(
                podName,
                podNamespace,
                text(map, MACHINE_TYPE),
                text(map, IMAGE),
                vcpus.doubleValue(),
                memory.setScale(0, RoundingMode.UP).longValueExact(),
                gpus.intValueExact(),
                text(map, GPU_MODEL),
                text(map, INITDATA),
                problems);
    }

    /** CRI-O's sandbox name is {@code k8s_<pod>_<namespace>_<uid>_<attempt>}. */
    private static String podName(String value) {
        String[] parts = value.split("_", -1);
        return parts.length > 1 && parts[0].equals("k8s") ? parts[1] : value;
    }

    private static String name(String key, String value) throws ContractException {
        if (value.isEmpty()) {
            throw new ContractException(DOCUMENT, key, "a name", "nothing; the container runtime sets this annotation");
        }
        if (value.length() > MAX_NAME_CHARACTERS || value.chars().anyMatch(c -> c <= 0x20 || c == 0x7f)) {
            throw new ContractException(
                    DOCUMENT,
                    key,
                    "a name of at most " + MAX_NAME_CHARACTERS + " characters without blanks",
                    ContractException.quoted(value));
        }
        return value;
    }

    private static Optional<String> text(Map<String, String> map, String key) {
        return Optional.of(map.getOrDefault(key, "")).filter(value -> !value.isEmpty());
    }

    private static BigDecimal quantity(Map<String, String> map, String key, List<String> problems) {
        String value = map.getOrDefault(key, "");
        if (value.isEmpty()) {
            return BigDecimal.ZERO;
        }
        if (NUMBER.matcher(value).matches()) {
            BigDecimal number = new BigDecimal(value);
            if (number.compareTo(BigDecimal.valueOf(MAX_QUANTITY)) <= 0) {
                return number;
            }
        }
        problems.add(problem(key, "a decimal number from 0 to " + MAX_QUANTITY, value));
        return BigDecimal.ZERO;
    }

    private static String problem(String key, String expected, String seen) {
        return "annotation " + key + ": expected " + expected + ", seen " + ContractException.quoted(seen)
                + "; taken as not asked for";
    }

    /** Without the initdata, which may hold what the host must not see in a log. */
    @Override
    public String toString() {
        return "Annotations[" + podNamespace + "/" + podName + ", machineType=" + machineType.orElse("default")
                + ", vcpus=" + vcpus + ", memoryMib=" + memoryMib + ", gpus=" + gpus + ", initdata="
                + (initdata.isPresent() ? "***" : "none") + "]";
    }
}
