// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.provider.LaunchToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * Which faults a test wants, from a file that is read at every call: lines of a pod's name, or {@code *} for every pod, and a fault.
 * What follows a {@code #} is a comment.
 */
record ScriptedFaults(Path file) {

    /** What can be asked for. */
    enum Fault {
        /** A create finds no room. */
        NO_CAPACITY,
        /** Every call finds the credentials wrong. */
        BAD_CREDENTIALS,
        /** A create finds that there is no such image. */
        NO_IMAGE,
        /** Every call is asked to come back later. */
        THROTTLED,
        /** No call reaches the cloud. */
        UNREACHABLE,
        /** A create makes its VM, and the answer is lost. */
        LOST_ANSWER,
        /** The VM runs, and nothing in it ever listens. */
        SILENT_GUEST,
        /** The guest takes the tunnel's packets on another port than the worker sends them to. */
        CLOSED_TUNNEL;

        String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /**
     * The fault for a pod's VM; the first line that fits counts.
     *
     * @throws IOException when the file cannot be read or names no fault that there is
     */
    Optional<Fault> of(LaunchToken token) throws IOException {
        String text;
        try {
            text = Files.readString(file);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        for (String line : text.lines().toList()) {
            String[] words = line.replaceFirst("#.*", "").strip().split("\\s+", -1);
            if (words.length == 1 && words[0].isEmpty()) {
                continue;
            }
            Optional<Fault> fault = Arrays.stream(Fault.values())
                    .filter(known -> known.word().equals(words[words.length - 1]))
                    .findFirst();
            if (words.length != 2 || fault.isEmpty()) {
                throw new IOException("'" + line + "' in " + file + " is no pod's name and fault; faults are "
                        + String.join(
                                ", ",
                                Arrays.stream(Fault.values()).map(Fault::word).toList()));
            }
            if (words[0].equals("*") || token.instanceName().startsWith("podvm-" + words[0] + "-")) {
                return fault;
            }
        }
        return Optional.empty();
    }
}
