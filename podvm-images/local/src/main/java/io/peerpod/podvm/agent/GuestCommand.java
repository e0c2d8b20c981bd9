// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.grpc.StatusException;
import io.peerpod.contract.agent.Process;
import io.peerpod.contract.agent.StringUser;
import io.peerpod.contract.agent.User;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is executed for a process of a specification. The commands of util-linux enter and make namespaces and change the user, each
 * executing the next: a thread of this program that did so itself would hand its namespaces and its user on to threads of the JDK.
 *
 * @param line command and arguments
 * @param directory where it starts
 * @param terminal whether it has one
 */
record GuestCommand(List<String> line, Path directory, boolean terminal) {
    private static final Logger log = LoggerFactory.getLogger(GuestCommand.class);

    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /**
     * Waits for the first process of a new PID namespace and passes its end on, as a shell counts it. (The command unshare would do so
     * too, but takes a SIGKILL for an error and says so on the container's standard error.)
     */
    private static final String WAITING_SHELL = "exec 3>&2 2>/dev/null; \"$@\" 2>&3 3>&-; exit $?";

    /** Does what the program of a pause image does: sleeps until it is asked to go. */
    private static final List<String> SLEEPER =
            List.of("/bin/sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done");

    GuestCommand {
        line = List.copyOf(line);
    }

    /**
     * A container's first process, in a PID namespace and a mount namespace of its own: with it every process of the container ends.
     *
     * @param network path of the network namespace; empty for the VM's own
     */
    static GuestCommand init(Process process, Optional<StringUser> user, Optional<String> network, boolean pause)
            throws StatusException {
        List<String> line = new ArrayList<>();
        if (network.isPresent()) {
            if (!Files.exists(path(network.get()))) {
                throw AgentErrors.noSuchFile(network.get());
            }
            line.addAll(List.of(tool("nsenter"), "--net=" + network.get(), "--"));
        }
        line.addAll(List.of(tool("unshare"), "--pid", "--", "/bin/sh", "-c", WAITING_SHELL, "container"));
        line.addAll(List.of(tool("unshare"), "--mount-proc", "--"));
        return complete(line, process, user, Optional.empty(), pause ? SLEEPER : resolved(process));
    }

    /** A further process of a container whose first process has that number in the VM. */
    static GuestCommand exec(Process process, Optional<StringUser> user, int init) throws StatusException {
        List<String> line =
                new ArrayList<>(List.of(tool("nsenter"), "--target=" + init, "--net", "--mount", "--pid", "--"));
        return complete(line, process, user, Optional.of(directory(process)), resolved(process));
    }

    private static GuestCommand complete(
            List<String> line, Process process, Optional<StringUser> user, Optional<Path> entered, List<String> program)
            throws StatusException {
        line.add(tool("setsid"));
        if (process.getTerminal()) {
            line.add("--ctty");
        }
        line.addAll(identity(process, user));
        // The last one sets the environment, so that none of the others can add to it or is led by it.
        line.addAll(List.of(tool("env"), "--ignore-environment"));
        entered.ifPresent(path -> line.add("--chdir=" + path));
        line.add("--");
        environment(process).forEach((name, value) -> line.add(name + "=" + value));
        line.addAll(program);
        return new GuestCommand(line, directory(process), process.getTerminal());
    }

    private static List<String> identity(Process process, Optional<StringUser> named) throws StatusException {
        User user = process.getUser();
        String uid = Integer.toUnsignedString(user.getUID());
        String gid = Integer.toUnsignedString(user.getGID());
        List<String> groups = user.getAdditionalGidsList().stream()
                .map(Integer::toUnsignedString)
                .toList();
        if (named.filter(text -> !text.getUid().isEmpty()).isPresent()) {
            uid = number(named.get().getUid());
            gid = named.get().getGid().isEmpty() ? gid : number(named.get().getGid());
            groups = named.get().getAdditionalGidsList();
            for (String group : groups) {
                number(group);
            }
        }
        List<String> options = new ArrayList<>();
        if (!uid.equals("0") || !gid.equals("0") || !groups.isEmpty()) {
            options.addAll(List.of("--reuid=" + uid, "--regid=" + gid));
            options.add(groups.isEmpty() ? "--clear-groups" : "--groups=" + String.join(",", groups));
        }
        if (process.getNoNewPrivileges()) {
            options.add("--no-new-privs");
        }
        if (options.isEmpty()) {
            return List.of();
        }
        options.addFirst(tool("setpriv"));
        options.add("--");
        return options;
    }

    private static String number(String text) throws StatusException {
        try {
            return Integer.toUnsignedString(Integer.parseUnsignedInt(text));
        } catch (NumberFormatException e) {
            throw AgentErrors.internal("user or group '" + text
                    + "' is not a number; the stand-in agent has no image to look names up in");
        }
    }

    /** The program as a path, looked for as execvp(3) does in the specification's PATH, so that a wrong name fails the start. */
    private static List<String> resolved(Process process) throws StatusException {
        if (process.getArgsCount() == 0 || process.getArgs(0).isEmpty()) {
            throw AgentErrors.internal("the specification's process has no arguments");
        }
        String name = process.getArgs(0);
        List<String> program = new ArrayList<>(process.getArgsList());
        program.set(0, find(name, environment(process).getOrDefault("PATH", DEFAULT_PATH), directory(process)));
        return program;
    }

    private static String find(String name, String searched, Path directory) throws StatusException {
        List<Path> candidates = new ArrayList<>();
        if (name.indexOf('/') >= 0) {
            candidates.add(directory.resolve(path(name)));
        } else {
            for (String folder : searched.split(":", -1)) {
                candidates.add(directory.resolve(path(folder)).resolve(path(name)));
            }
        }
        for (Path candidate : candidates) {
            if (Files.isRegularFile(candidate) && Files.isExecutable(candidate)) {
                return candidate.toString();
            }
        }
        throw AgentErrors.noSuchFile(name + " (the container runs on the VM's own file system)");
    }

    private static Map<String, String> environment(Process process) {
        Map<String, String> environment = new LinkedHashMap<>();
        for (String entry : process.getEnvList()) {
            int equals = entry.indexOf('=');
            if (equals > 0 && entry.indexOf('\0') < 0) {
                environment.put(entry.substring(0, equals), entry.substring(equals + 1));
            }
        }
        return environment;
    }

    private static Path directory(Process process) throws StatusException {
        Path wanted = process.getCwd().isEmpty() ? Path.of("/") : path(process.getCwd());
        if (wanted.isAbsolute() && Files.isDirectory(wanted)) {
            return wanted;
        }
        log.atInfo()
                .addKeyValue("directory", wanted)
                .log("the working directory of the specification is not on the VM's file system; / takes its place");
        return Path.of("/");
    }

    private static Path path(String text) throws StatusException {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw AgentErrors.failed("a path of the specification is none", e);
        }
    }

    private static String tool(String name) throws StatusException {
        for (String folder : DEFAULT_PATH.split(":", -1)) {
            Path candidate = Path.of(folder, name);
            if (Files.isExecutable(candidate)) {
                return candidate.toString();
            }
        }
        throw AgentErrors.internal("the stand-in agent needs the command '" + name
                + "' (util-linux or coreutils), which this machine has not; the operator must install it");
    }

    /** For the log: the program without what it is wrapped in would be nice to read, but its arguments may be secret. */
    @Override
    public String toString() {
        return line.stream().limit(1).collect(Collectors.joining()) + " ... (" + line.size() + " words)";
    }
}
