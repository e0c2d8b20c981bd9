// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.edit;

import io.grpc.Status;
import io.grpc.StatusException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes sure that the source of a bind mount exists: a missing one becomes an empty folder.
 *
 * <p>The request comes from the host and the agent's policy has not judged it yet (W-E1). So a folder is made only at a plain
 * absolute path outside the folders that the VM itself is made of, with symbolic links taken into account.
 */
final class BindSources {

    /** Folders most requests need none of, and none needs more of. */
    static final int MAX_CREATED = 1024;

    /** Of those, how many are worth a line in the log each. */
    private static final int MAX_LOGGED = 16;

    private static final List<Path> NEVER_BELOW = List.of(
            Path.of("/etc"),
            Path.of("/usr"),
            Path.of("/bin"),
            Path.of("/sbin"),
            Path.of("/boot"),
            Path.of("/proc"),
            Path.of("/sys"),
            Path.of("/dev"),
            Path.of("/run/peerpod"),
            Path.of("/run/confidential-containers"),
            Path.of("/run/systemd"));

    private static final Logger log = LoggerFactory.getLogger(BindSources.class);

    private int created;

    /**
     * Checks one source, and creates it if it is missing.
     *
     * @throws StatusException in words if it is missing and may not or cannot be created
     */
    void ensure(String source) throws StatusException {
        Path path;
        try {
            path = Path.of(source);
        } catch (InvalidPathException e) {
            throw Status.INVALID_ARGUMENT
                    .withDescription("The bind mount source " + printable(source) + " is not a path: " + e.getReason())
                    .withCause(e)
                    .asException();
        }
        if (path.isAbsolute() && Files.exists(path)) {
            return;
        }
        Optional<String> refusal = refuse(source, path);
        if (refusal.isPresent()) {
            log.atWarn().addKeyValue("path", printable(source)).log("a bind mount source is missing and not created");
            throw failure(source, refusal.get());
        }
        if (++created > MAX_CREATED) {
            throw failure(source, "more than " + MAX_CREATED + " missing sources are not created for one container");
        }
        create(source, path);
    }

    private static Optional<String> refuse(String source, Path path) throws StatusException {
        if (!path.isAbsolute() || !path.normalize().equals(path)) {
            return Optional.of("only a plain absolute path without '..' is created");
        }
        Path real = realPath(source, path);
        for (Path folder : NEVER_BELOW) {
            if (path.startsWith(folder) || real.startsWith(folder)) {
                return Optional.of("nothing is created below " + folder + ", which belongs to the VM itself");
            }
        }
        if (belowLibraries(path) || belowLibraries(real)) {
            return Optional.of("nothing is created below /" + real.getName(0) + ", which belongs to the VM itself");
        }
        return Optional.empty();
    }

    /** Below {@code /lib}, {@code /lib64}, {@code /libx32} and so on. */
    private static boolean belowLibraries(Path path) {
        return path.getNameCount() > 0 && path.getName(0).toString().startsWith("lib");
    }

    /** Where the folder would really be, after the symbolic links of what exists of its path. */
    private static Path realPath(String source, Path path) throws StatusException {
        Path existing = path;
        while (existing.getParent() != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        try {
            return existing.toRealPath().resolve(existing.relativize(path)).normalize();
        } catch (IOException e) {
            throw failure(source, "its folder cannot be looked at: " + e);
        }
    }

    private void create(String source, Path path) throws StatusException {
        try {
            Files.createDirectories(
                    path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        } catch (IOException e) {
            throw failure(source, "creating it failed: " + e);
        }
        if (created <= MAX_LOGGED) {
            log.atInfo().addKeyValue("path", printable(source)).log("created the missing source of a bind mount");
        }
    }

    private static StatusException failure(String source, String why) {
        return Status.FAILED_PRECONDITION
                .withDescription("The bind mount source " + printable(source) + " does not exist in the pod VM, and "
                        + why + ". Mount something that is in the VM's image, or a volume.")
                .asException();
    }

    static String printable(String path) {
        String clean = path.replaceAll("\\p{Cntrl}", "?");
        return "'" + (clean.length() <= 200 ? clean : clean.substring(0, 200) + "…") + "'";
    }
}
