// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.RouteNetlink;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.ProviderContract;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A local cloud in a folder and a network of its own, so that the machine's links stay as they are. */
final class LocalTestCloud implements ProviderContract.Cloud {
    private final Path folder;
    private final NetworkNamespace network;
    private final String cidr;
    private Path init;

    private LocalTestCloud(Path folder, NetworkNamespace network, String cidr) throws IOException {
        this.folder = folder;
        this.network = network;
        this.cidr = cidr;
        this.init = script("init", "exec sleep 86400");
    }

    /** Skips the test, with the reason, where this machine does not let us. */
    static LocalTestCloud open(String cidr) throws IOException {
        Path folder = Files.createTempDirectory("peerpod-local-cloud-");
        try {
            NetworkNamespace network = NetworkNamespace.createUnnamed();
            return new LocalTestCloud(folder, network, cidr);
        } catch (IOException e) {
            Files.delete(folder);
            String reason = "not run: the local cloud needs root or a user namespace (" + e.getMessage() + ")";
            System.out.println(reason);
            Assumptions.abort(reason);
            throw e;
        }
    }

    /** An executable of the test. */
    Path script(String name, String... lines) throws IOException {
        Path script = folder.resolve("bin").resolve(name);
        Files.createDirectories(script.getParent());
        Files.writeString(script, "#!/bin/sh\n" + String.join("\n", lines) + "\n");
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        return script;
    }

    /** What VMs made from now on run. */
    void use(Path otherInit) {
        init = otherInit;
    }

    Path state() {
        return folder.resolve("state");
    }

    NetworkNamespace network() {
        return network;
    }

    LocalConfig config() {
        return new LocalConfig(AddressPool.parse(cidr), Optional.of(init), state());
    }

    @Override
    public CloudProvider connect() {
        return new LocalCloudProvider(config(), network::routeNetlink);
    }

    VmRecord record(LaunchToken token) throws IOException {
        return new VmStore(state()).find(token.instanceName()).orElseThrow();
    }

    @Override
    public void crash(LaunchToken token) throws IOException {
        record(token).init().orElseThrow().kill();
    }

    @Override
    public List<String> leftovers() throws IOException {
        List<String> left = new ArrayList<>();
        try (Stream<Path> files = Files.walk(folder)) {
            files.filter(file ->
                            !file.equals(folder) && !file.equals(state()) && !file.startsWith(folder.resolve("bin")))
                    .forEach(file -> left.add("file " + file));
        }
        for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
            if (line.contains(folder.toString()) || line.contains("peerpod-vm")) {
                left.add("mount " + line);
            }
        }
        try (RouteNetlink netlink = network.routeNetlink()) {
            netlink.links().stream()
                    .map(Link::name)
                    .filter(name -> !name.equals("lo"))
                    .forEach(name -> left.add("link " + name));
        }
        left.addAll(processes());
        return left;
    }

    /** Every process that a VM of this test has started, or that holds a file of it. */
    private List<String> processes() throws IOException {
        List<String> found = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                try {
                    String environment = Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1);
                    if (environment.contains(VmProcess.MARKER + "=" + state())) {
                        found.add("process " + process.getFileName() + " "
                                + Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1)
                                        .replace('\0', ' '));
                    }
                } catch (IOException e) {
                    // It has ended meanwhile.
                }
            }
        }
        return found;
    }

    @Override
    public Duration patience() {
        return Duration.ofSeconds(30);
    }

    @Override
    public void close() throws IOException {
        network.close();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
