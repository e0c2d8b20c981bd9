// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import io.peerpod.options.Installation;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVmSpec;
import java.io.IOException;
import java.net.Inet4Address;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Makes a VM, in an order in which a kill at any point leaves nothing that is not in a record, or that ends by itself: the record
 * with the address; the shell, which ends with us; its process numbers in the record; NIC and files; the record says it runs; only
 * then the shell becomes the VM's init.
 */
final class VmLauncher {
    private static final int CAP_NET_ADMIN = 12;
    private static final int CAP_SYS_ADMIN = 21;
    private static final int NONCE_BYTES = 4;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** Bytes of a console that a message repeats, from its end, when the VM's set-up failed. */
    private static final int CONSOLE_TAIL_BYTES = 300;

    private static final Set<java.nio.file.attribute.PosixFilePermission> PRIVATE_FILE =
            PosixFilePermissions.fromString("rw-------");

    private final LocalConfig config;
    private final VmStore store;
    private final VmLinks links;

    VmLauncher(LocalConfig config, VmStore store, VmLinks links) {
        this.config = config;
        this.store = store;
        this.links = links;
    }

    /** Refuses at once what can never succeed in this process. */
    void checkRights() throws IOException, CloudException {
        long effective = 0;
        for (String line : Files.readAllLines(Path.of("/proc/self/status"), StandardCharsets.ISO_8859_1)) {
            if (line.startsWith("CapEff:")) {
                effective = Long.parseUnsignedLong(
                        line.substring("CapEff:".length()).strip(), 16);
            }
        }
        if ((effective >>> CAP_SYS_ADMIN & effective >>> CAP_NET_ADMIN & 1) == 0) {
            throw new CloudException(
                    new CloudFailure.Unauthorised(
                            "the local cloud makes namespaces, mounts and links, and this process has not both CAP_SYS_ADMIN and CAP_NET_ADMIN;"
                                    + " run it as root, or in a user namespace as './peerpod demo' does (unshare --user --map-root-user --net --mount)"));
        }
    }

    /** Writes the record of a new VM, with an address of its own; empty if somebody else did just now. */
    Optional<VmRecord> reserve(LaunchToken token, PodVmSpec spec)
            throws IOException, InterruptedException, CloudException {
        init();
        byte[] nonce = new byte[NONCE_BYTES];
        RANDOM.nextBytes(nonce);
        String id = token.instanceName() + "." + HexFormat.of().formatHex(nonce);
        Map<String, String> tags = new LinkedHashMap<>(spec.tags());
        tags.put("pod-namespace", spec.podNamespace());
        tags.put("pod-name", spec.podName());
        return store.<Optional<VmRecord>, CloudException>locked(access -> {
            if (access.find(token.instanceName()).isPresent()) {
                return Optional.empty();
            }
            VmRecord record = new VmRecord(
                    token,
                    id,
                    spec.owner(),
                    tags,
                    spec.createdAt(),
                    nextAddress(access, Set.of()),
                    VmLinks.nameFor(id),
                    VmRecord.Phase.CREATING,
                    ProcessIdentity.self(),
                    Optional.empty(),
                    Optional.empty());
            access.write(record);
            return Optional.of(record);
        });
    }

    /**
     * Makes the VM of a record that {@link #reserve} wrote. On any failure the caller removes what there is of it.
     *
     * @return the record as it is on disk now
     */
    VmRecord launch(VmRecord reserved, PodVmSpec spec) throws IOException, CloudException, InterruptedException {
        String name = reserved.token().instanceName();
        Path init = init();
        Path folder = store.folder(name);
        Optional<Path> installation = Installation.current().map(Installation::home);
        Optional<Path> classLists = environment("PEERPOD_CLASS_LISTS").map(Path::of);
        GuestFiles files =
                GuestFiles.plan(GuestFiles.neededFor(init, installation, classLists), folder.resolve("stage"));
        createConsole(store.console(name));
        try (VmProcess vm = VmProcess.start(
                List.of(init.toString()), guestEnvironment(store.marker(reserved.id())), store.console(name))) {
            ProcessIdentity first = vm.awaitInit();
            VmRecord made = reserved.runBy(vm.shell(), first);
            write(made);
            vm.give(files.steps());
            made = connect(made, first);
            vm.awaitSteps();
            giveUserData(first, spec.userData());
            VmRecord running = made.in(VmRecord.Phase.RUNNING);
            write(running);
            vm.becomeInit();
            return running;
        }
    }

    private VmRecord connect(VmRecord record, ProcessIdentity first)
            throws IOException, CloudException, InterruptedException {
        Inet4Address gateway = config.addresses().gateway();
        try (NetworkNamespace vm = NetworkNamespace.open(namespace(first, "net"))) {
            checkAlive(first);
            links.create(record.link(), vm, gateway);
            VmRecord claimed = claimAddress(record);
            VmLinks.setUpGuest(vm, gateway, claimed.address());
            vm.run(() -> setHostname(first, record.token().instanceName()));
            return claimed;
        }
    }

    private VmRecord claimAddress(VmRecord record) throws IOException, CloudException, InterruptedException {
        Set<Integer> foreign = new HashSet<>();
        VmRecord claimed = record;
        while (!links.claim(record.link(), claimed.address())) {
            foreign.add(config.addresses().numberOf(claimed.address()));
            VmRecord failed = claimed;
            claimed = store.<VmRecord, CloudException>locked(access -> {
                VmRecord other = failed.withAddress(nextAddress(access, foreign));
                access.write(other);
                return other;
            });
        }
        return claimed;
    }

    /** The calling thread enters the VM's UTS namespace and must end afterwards. */
    private static void setHostname(ProcessIdentity first, String name) throws IOException {
        Libc libc = Libc.system();
        int descriptor = libc.open(namespace(first, "uts").toString(), Constants.O_RDONLY | Constants.O_CLOEXEC, 0);
        try {
            checkAlive(first);
            libc.setns(descriptor, Constants.CLONE_NEWUTS);
            libc.sethostname(name);
        } finally {
            libc.close(descriptor);
        }
    }

    private static Path namespace(ProcessIdentity process, String kind) {
        return Path.of("/proc/" + process.pid() + "/ns/" + kind);
    }

    /** After something was opened by the process's number: it may have passed on to a stranger before. */
    private static void checkAlive(ProcessIdentity process) throws IOException {
        if (!process.isAlive()) {
            throw new VmProcess.EndedException();
        }
    }

    private void write(VmRecord record) throws IOException, CloudException, InterruptedException {
        String name = record.token().instanceName();
        store.<Boolean, CloudException>locked(access -> {
            Optional<VmRecord> now = access.find(name);
            if (now.filter(seen -> seen.id().equals(record.id()) && seen.phase() == VmRecord.Phase.CREATING)
                    .isEmpty()) {
                throw new CloudException(new CloudFailure.Rejected(
                        "pod VM " + name + " was deleted while it was being created", CloudFailure.Actor.USER));
            }
            access.write(record);
            return true;
        });
    }

    private Inet4Address nextAddress(VmStore.Access access, Set<Integer> foreign) throws IOException, CloudException {
        Set<Integer> taken = new HashSet<>(foreign);
        for (VmRecord other : access.all()) {
            taken.add(config.addresses().numberOf(other.address()));
        }
        OptionalInt number = config.addresses().next(access.lastNumber(), taken);
        if (number.isEmpty()) {
            throw new CloudException(new CloudFailure.OutOfCapacity(
                    "all " + config.addresses().capacity() + " addresses of LOCAL_PODVM_CIDR "
                            + config.addresses().network() + " are in use; choose a larger network or stop some pods",
                    CloudFailure.Actor.OPERATOR));
        }
        access.rememberNumber(number.getAsInt());
        return config.addresses().at(number.getAsInt());
    }

    private Path init() throws CloudException {
        Path init = config.init()
                .orElseThrow(() -> new CloudException(new CloudFailure.Rejected(
                        "the local cloud has no init for its pod VMs: this process was not started from an installation and"
                                + " LOCAL_PODVM_INIT is not set; set it to an executable",
                        CloudFailure.Actor.OPERATOR)));
        if (!Files.isRegularFile(init) || !Files.isExecutable(init)) {
            throw new CloudException(new CloudFailure.Rejected(
                    "the init of the local cloud's pod VMs, " + init + ", "
                            + (Files.exists(init) ? "is not an executable file" : "does not exist")
                            + "; set LOCAL_PODVM_INIT to an executable",
                    CloudFailure.Actor.OPERATOR));
        }
        return init;
    }

    /** A VM starts with a clean environment; what it gets says where Java is and, for builds, how to start it. */
    private static Map<String, String> guestEnvironment(String marker) {
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        variables.put("HOME", "/root");
        variables.put("LANG", "C.UTF-8");
        variables.put("JAVA_HOME", System.getProperty("java.home"));
        variables.put(VmProcess.MARKER, marker);
        for (String passed : List.of("PEERPOD_JAVA_OPTIONS", "PEERPOD_CLASS_LISTS")) {
            environment(passed).ifPresent(value -> variables.put(passed, value));
        }
        return variables;
    }

    private static Optional<String> environment(String name) {
        return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isEmpty());
    }

    private static void createConsole(Path console) throws IOException {
        Files.createFile(console, PosixFilePermissions.asFileAttribute(PRIVATE_FILE));
    }

    private static void giveUserData(ProcessIdentity first, String userData) throws IOException {
        Path file = Path.of("/proc/" + first.pid() + "/root/media/cidata/user-data");
        try (var channel = Files.newByteChannel(
                file,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PRIVATE_FILE))) {
            var bytes = java.nio.ByteBuffer.wrap(userData.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }
    }

    /** What a failed launch means, with the console's last words where the shell left some. */
    CloudFailure explain(VmRecord record, Exception failed) {
        if (failed instanceof CloudException known) {
            return known.failure();
        }
        String words = consoleTail(store.console(record.token().instanceName()));
        String message = "pod VM " + record.token().instanceName() + " was not made: " + failed.getMessage()
                + (words.isEmpty() ? "" : " (" + words + ")");
        if (isDenied(failed) || words.contains("Operation not permitted") || words.contains("Permission denied")) {
            return new CloudFailure.Unauthorised(
                    message + "; run the daemon as root, or where it may make namespaces, mounts and links of its own");
        }
        if (words.contains("No space left on device") || words.contains("Resource temporarily unavailable")) {
            return new CloudFailure.OutOfCapacity(
                    message + "; raise the limits of processes or namespaces (sysctl user.max_*_namespaces)",
                    CloudFailure.Actor.OPERATOR);
        }
        return new CloudFailure.Rejected(message, CloudFailure.Actor.OPERATOR);
    }

    private static boolean isDenied(Exception failed) {
        return failed instanceof ErrnoException errno && errno.isOneOf(Errno.EPERM, Errno.EACCES);
    }

    private static String consoleTail(Path console) {
        try {
            String text = Files.readString(console, StandardCharsets.UTF_8).strip();
            return text.substring(Math.max(0, text.length() - CONSOLE_TAIL_BYTES))
                    .replaceAll("\\p{Cntrl}+", " | ");
        } catch (IOException e) {
            return "";
        }
    }
}
