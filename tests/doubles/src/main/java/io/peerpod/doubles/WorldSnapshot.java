// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What there is in a private world: processes, network namespaces, links, mounts, sockets, files. Two of them tell what was left behind.
 *
 * @param things the things of each kind, each by what identifies it
 */
public record WorldSnapshot(Map<String, Set<String>> things) {
    private static final Path RUN = Path.of("/run");

    /** Looks now; from the calling thread's network and mount namespaces. */
    public static WorldSnapshot take() throws IOException {
        Map<String, Set<String>> things = new LinkedHashMap<>();
        things.put("process", processes());
        things.put("network namespace", namespaces());
        things.put("link", links());
        things.put("mount", mounts());
        things.put("socket", sockets());
        things.put("file", files());
        return new WorldSnapshot(things);
    }

    /** What is here and was not in the earlier one, one line a thing. */
    public List<String> since(WorldSnapshot earlier) {
        List<String> more = new ArrayList<>();
        things.forEach((kind, now) -> {
            Set<String> before = earlier.things.getOrDefault(kind, Set.of());
            now.stream().filter(thing -> !before.contains(thing)).forEach(thing -> more.add(kind + " " + thing));
        });
        return more;
    }

    private static Set<String> processes() throws IOException {
        return WorldProcesses.others().stream()
                .map(WorldProcesses.Running::toString)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Namespaces of processes, and namespaces that are only held by a mount. */
    private static Set<String> namespaces() throws IOException {
        Set<String> found = new TreeSet<>();
        for (WorldProcesses.Running running : WorldProcesses.all()) {
            Path link = Path.of("/proc", Long.toString(running.pid()), "ns", "net");
            try {
                found.add(Files.readSymbolicLink(link).toString());
            } catch (IOException e) {
                // It ended meanwhile, or is of another user namespace's owner: then its process is listed anyhow.
            }
        }
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
            lines.filter(line -> line.contains(" - nsfs "))
                    .map(line -> line.split(" ", -1)[3])
                    .forEach(found::add);
        }
        return found;
    }

    private static Set<String> links() throws IOException {
        try (RouteNetlink netlink = RouteNetlink.open()) {
            return netlink.links().stream().map(Link::name).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static Set<String> mounts() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
            return lines.map(line -> line.split(" ", -1)[4]).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    /** Unix sockets with a path, and bound or listening ports. */
    private static Set<String> sockets() throws IOException {
        Set<String> found = new TreeSet<>();
        try (Stream<String> lines = Files.lines(Path.of("/proc/net/unix"))) {
            lines.skip(1)
                    .map(line -> line.trim().split(" +", -1))
                    .filter(fields -> fields.length == 8)
                    .forEach(fields -> found.add(fields[7]));
        }
        for (String protocol : List.of("tcp", "tcp6", "udp", "udp6")) {
            Path table = Path.of("/proc/net", protocol);
            if (!Files.exists(table)) {
                continue;
            }
            try (Stream<String> lines = Files.lines(table)) {
                lines.skip(1)
                        .map(line -> line.trim().split(" +", -1))
                        .filter(fields -> protocol.startsWith("udp") || fields[3].equals("0A"))
                        .forEach(fields -> found.add(protocol + " port "
                                + Integer.parseInt(fields[1].substring(fields[1].indexOf(':') + 1), 16)));
            }
        }
        return found;
    }

    private static Set<String> files() throws IOException {
        Set<String> found = new TreeSet<>();
        try (Stream<Path> walk = Files.walk(RUN)) {
            walk.map(Path::toString).forEach(found::add);
        } catch (java.io.UncheckedIOException e) {
            throw e.getCause();
        }
        return found;
    }
}
