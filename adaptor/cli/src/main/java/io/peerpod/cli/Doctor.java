// SPDX-License-Identifier: Apache-2.0
package io.peerpod.cli;

import io.peerpod.cli.Finding.Verdict;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * {@code peerpod doctor}: looks at what the daemon and the local cloud need of a machine. It changes nothing: what has to be tried in the
 * kernel is tried in namespaces that end with the doctor.
 */
final class Doctor {
    /** Longest path of a Unix socket, in bytes (unix(7): 108 with the terminating zero). */
    private static final int MAX_SOCKET_PATH_BYTES = 107;

    private static final int SANDBOX_ID_DIGITS = 64;
    private static final int PROBE_SECONDS = 30;

    private final List<Finding> findings = new ArrayList<>();
    private final Settings settings;
    private final Option<Path> podsDir;
    private final Option<Path> stateDir;
    private final Option<Integer> vxlanPort;
    private final Map<String, String> environment;

    private Doctor(
            Settings settings,
            Option<Path> podsDir,
            Option<Path> stateDir,
            Option<Integer> vxlanPort,
            Map<String, String> environment) {
        this.settings = settings;
        this.podsDir = podsDir;
        this.stateDir = stateDir;
        this.vxlanPort = vxlanPort;
        this.environment = environment;
    }

    static int run(List<String> arguments, Map<String, String> environment)
            throws InvalidOptionsException, HelpRequestedException, IOException, InterruptedException {
        Options options = new Options("peerpod doctor");
        Option<Boolean> probe = options.addSwitch(
                "probe", null, false, "try the kernel in this process's own namespaces (the doctor does so itself)");
        Option<Path> podsDir = options.add(
                "pods-dir", "PODS_DIR", Parsers.path(), "/run/peerpod/pods", "base of per-sandbox directories");
        Option<Path> stateDir = options.add(
                "state-dir", "PEERPOD_STATE_DIR", Parsers.path(), "/run/peerpod/state", "the daemon's state folder");
        Option<Integer> vxlanPort =
                options.add("vxlan-port", "VXLAN_PORT", Parsers.integer(1, 65535), "4789", "UDP port of the tunnels");
        Settings settings = options.resolve(arguments, environment);
        if (settings.get(probe)) {
            return KernelProbe.run();
        }
        return new Doctor(settings, podsDir, stateDir, vxlanPort, environment).examine();
    }

    private int examine() throws IOException, InterruptedException {
        java();
        tools();
        boolean apart = rights();
        if (apart) {
            kernel();
        }
        folders();
        ports();
        findings.forEach(finding -> System.out.println(finding.line()));
        long broken =
                findings.stream().filter(f -> f.verdict() == Verdict.BROKEN).count();
        long limited =
                findings.stream().filter(f -> f.verdict() == Verdict.LIMITED).count();
        System.out.println(
                broken == 0
                        ? "this machine can run the demo and the local cloud"
                                + (limited == 0 ? "" : ", with " + limited + " limits above")
                        : broken + " things must be mended first");
        return broken == 0 ? 0 : 1;
    }

    private void java() {
        Runtime.Version version = Runtime.version();
        String seen = version + " (" + System.getProperty("os.arch") + ")";
        findings.add(
                version.feature() >= 25
                        ? Finding.ok("Java", seen)
                        : Finding.broken("Java", seen, "install a JDK 25 and point JAVA_HOME at it"));
    }

    private void tools() {
        for (String tool : List.of("unshare", "setpriv", "setsid", "mount", "sh", "bash")) {
            boolean there = Stream.of(
                            environment.getOrDefault("PATH", "/usr/bin:/bin").split(":", -1))
                    .anyMatch(folder -> Files.isExecutable(Path.of(folder.isEmpty() ? "." : folder, tool)));
            if (!there) {
                String pack = tool.endsWith("sh") ? "bash" : "util-linux";
                findings.add(Finding.broken(
                        "tool " + tool, "not on PATH", "apt-get install " + pack + "   or   dnf install " + pack));
            }
        }
        if (findings.stream().noneMatch(f -> f.thing().startsWith("tool"))) {
            findings.add(Finding.ok("tools", "unshare, setpriv, setsid, mount, sh, bash"));
        }
    }

    /** Whether namespaces can be made here, as root or through a user namespace. */
    private boolean rights() throws IOException, InterruptedException {
        boolean root = Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        Result result = run(isolated(root, List.of("true")));
        if (result.code() == 0) {
            findings.add(
                    root
                            ? Finding.ok("rights", "root, namespaces can be made")
                            : Finding.limited(
                                    "rights",
                                    "an ordinary user, who may make user namespaces",
                                    "enough for the demo and the benchmarks; the daemon of a worker node runs as root"));
            return true;
        }
        findings.add(Finding.broken(
                "rights",
                (root ? "root without CAP_SYS_ADMIN: " : "an ordinary user who may make no user namespace: ")
                        + result.output().strip(),
                root
                        ? "give the container CAP_SYS_ADMIN and CAP_NET_ADMIN"
                        : "run as root, or: sysctl -w user.max_user_namespaces=15000 (Debian: also kernel.unprivileged_userns_clone=1;"
                                + " Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)"));
        return false;
    }

    /** Tries links, tunnels and filters in namespaces of their own. */
    private void kernel() throws IOException, InterruptedException {
        boolean root = Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        String java = ProcessHandle.current().info().command().orElse("java");
        Result result = run(isolated(
                root,
                List.of(
                        java,
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "--enable-native-access=ALL-UNNAMED",
                        "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "doctor",
                        "-probe")));
        List<Finding> seen = KernelProbe.read(result.output());
        findings.addAll(seen);
        if (seen.isEmpty()) {
            findings.add(Finding.broken(
                    "kernel",
                    "the probe ended with " + result.code() + ": "
                            + result.output().strip(),
                    "see the words before"));
        }
    }

    private static List<String> isolated(boolean root, List<String> command) {
        List<String> all = new ArrayList<>(List.of("unshare"));
        if (!root) {
            all.addAll(List.of("--user", "--map-root-user"));
        }
        all.addAll(List.of("--net", "--mount", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"));
        all.addAll(command);
        return all;
    }

    private record Result(int code, String output) {}

    private static Result run(List<String> command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            return new Result(127, String.valueOf(e.getMessage()));
        }
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(PROBE_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
        return new Result(process.waitFor(), output);
    }

    private void folders() {
        Path pods = settings.get(podsDir);
        int length = (pods + "/").getBytes(StandardCharsets.UTF_8).length + SANDBOX_ID_DIGITS + "/agent.ttrpc".length();
        findings.add(
                length <= MAX_SOCKET_PATH_BYTES
                        ? Finding.ok(
                                "length of agent sockets' paths",
                                length + " of at most " + MAX_SOCKET_PATH_BYTES + " bytes")
                        : Finding.broken(
                                "length of agent sockets' paths",
                                length + " bytes, the kernel takes " + MAX_SOCKET_PATH_BYTES,
                                "choose a shorter -pods-dir than " + pods));
        folder("pods folder", pods);
        folder("state folder", settings.get(stateDir));
        Path socket = Path.of("/run/peerpod/hypervisor.sock");
        if (Files.exists(socket)) {
            findings.add(Finding.limited(
                    "hypervisor socket",
                    socket + " is there already",
                    "a daemon runs here; a new one takes the socket over from it"));
        }
    }

    private void folder(String thing, Path folder) {
        Path there = folder.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        findings.add(
                Files.isDirectory(there) && Files.isWritable(there)
                        ? Finding.ok(thing, folder + (there.equals(folder) ? "" : " can be made in " + there))
                        : Finding.limited(
                                thing,
                                there + " is not a folder this user can write to",
                                "the demo brings its own; for the daemon run as root or choose another folder"));
    }

    private void ports() {
        int port = settings.get(vxlanPort);
        try (DatagramSocket socket = new DatagramSocket(null)) {
            socket.setReuseAddress(false);
            socket.bind(new InetSocketAddress(port));
            findings.add(Finding.ok("UDP port " + port, "free for tunnels"));
        } catch (IOException e) {
            findings.add(Finding.limited(
                    "UDP port " + port,
                    "in use (" + e.getMessage()
                            + "): tunnels of this product or of another, such as a CNI plugin's VXLAN",
                    "if pods do not start, choose another -vxlan-port on the workers; the guests follow"));
        }
    }
}
