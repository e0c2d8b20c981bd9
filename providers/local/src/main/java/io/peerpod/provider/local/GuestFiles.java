// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The mounts of a VM, as steps for {@code bootstrap.sh}: a file system of its own on every folder where a program leaves files that
 * belong to a running machine. What the VM needs of such a folder (the distribution, the Java run-time, the init's own folder) shows
 * through at the same place.
 *
 * @param steps tab-separated, one a line
 */
record GuestFiles(List<String> steps) {
    /** Mount point and options; sizes are limits, memory is used by content only. */
    private record Private(Path target, String options) {}

    private static final List<Private> PRIVATE = List.of(
            new Private(Path.of("/run"), "mode=0755,nosuid,nodev,size=256m"),
            new Private(Path.of("/tmp"), "mode=1777,nosuid,nodev,size=1g"),
            new Private(Path.of("/media"), "mode=0755,nosuid,nodev,size=16m"),
            new Private(Path.of("/dev/shm"), "mode=1777,nosuid,nodev,size=256m"));

    GuestFiles {
        steps = List.copyOf(steps);
    }

    /**
     * Plans the mounts.
     *
     * @param needed absolute paths that the VM's programs are read from
     * @param stage an empty folder of the VM, where file systems are put together before they cover their target
     * @throws IllegalArgumentException if a path has a character that the plan cannot carry
     */
    static GuestFiles plan(Collection<Path> needed, Path stage) throws IOException {
        Set<Path> shown = outermost(needed);
        List<Private> order = new ArrayList<>(PRIVATE);
        // Whoever covers the stage comes last.
        order.sort(Comparator.comparing(one -> stage.startsWith(one.target())));
        List<String> steps = new ArrayList<>();
        for (int number = 0; number < order.size(); number++) {
            Private own = order.get(number);
            List<Path> through = shown.stream()
                    .filter(path -> path.startsWith(own.target()) && !path.equals(own.target()))
                    .toList();
            steps.add(step("folder", own.target()));
            if (through.isEmpty()) {
                steps.add(step("tmpfs", own.target()) + "\t" + own.options());
                continue;
            }
            Path staged = stage.resolve(Integer.toString(number));
            steps.add(step("folder", staged));
            steps.add(step("tmpfs", staged) + "\t" + own.options());
            for (Path path : through) {
                Path inside = staged.resolve(own.target().relativize(path));
                steps.add(step(Files.isDirectory(path) ? "folder" : "file", inside));
                steps.add(step("bind", path, inside));
            }
            steps.add(step("move", staged, own.target()));
        }
        steps.add(step("folder", Path.of("/media/cidata")));
        steps.add(step("folder", Path.of("/run/lock")));
        steps.add("proc");
        return new GuestFiles(steps);
    }

    /** What the VM needs for running this init, the paths behind symbolic links too. */
    static Set<Path> neededFor(Path init, Optional<Path> installation, Optional<Path> classLists) throws IOException {
        Set<Path> needed = new LinkedHashSet<>();
        for (Path start : List.of(init, init.toRealPath())) {
            Path folder = start.getParent();
            boolean isPrivate = PRIVATE.stream().anyMatch(own -> own.target().equals(folder));
            needed.add(folder == null || isPrivate ? start : folder);
        }
        List<Path> folders = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"))));
        installation.ifPresent(folders::add);
        classLists.ifPresent(folders::add);
        for (Path folder : folders) {
            if (Files.exists(folder)) {
                needed.add(folder.toAbsolutePath().normalize());
                needed.add(folder.toRealPath());
            }
        }
        return needed;
    }

    private static Set<Path> outermost(Collection<Path> paths) {
        Set<Path> outermost = new LinkedHashSet<>();
        for (Path path : paths) {
            if (paths.stream().noneMatch(other -> !other.equals(path) && path.startsWith(other))) {
                outermost.add(path);
            }
        }
        return outermost;
    }

    private static String step(String verb, Path... paths) {
        StringBuilder line = new StringBuilder(verb);
        for (Path path : paths) {
            String text = path.toString();
            if (text.chars().anyMatch(c -> c < ' ')) {
                throw new IllegalArgumentException("the path '" + text.replaceAll("\\p{Cntrl}", "?")
                        + "' has a control character in it; the local cloud needs paths without");
            }
            line.append('\t').append(text);
        }
        return line.toString();
    }
}
