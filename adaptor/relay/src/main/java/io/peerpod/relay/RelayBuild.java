// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import io.peerpod.contract.agent.CreateContainerRequest;
import io.peerpod.network.libc.Libc;
import io.peerpod.ttrpc.TtrpcServer;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.zip.CRC32C;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * What the relay's classes were built from, so that a daemon can tell a relay of its own build from another one. The same classes give the same build, in whatever jar or
 * container they lie.
 */
public final class RelayBuild {
    /** Says another build than the classes do, for tests of a change from one to another. */
    public static final String PROPERTY = "peerpod.relay.build";

    /** Classes that do not come from a jar, in a development environment. */
    private static final String UNPACKED = "unpacked";

    private static final class Holder {
        static final String CURRENT = find();
    }

    private RelayBuild() {}

    /** The build of this process's classes. */
    public static String current() {
        return Holder.CURRENT;
    }

    private static String find() {
        String told = System.getProperty(PROPERTY, "");
        if (!told.isEmpty()) {
            return told;
        }
        CRC32C sum = new CRC32C();
        for (Class<?> one : List.of(RelayBuild.class, TtrpcServer.class, Libc.class, CreateContainerRequest.class)) {
            CodeSource source = one.getProtectionDomain().getCodeSource();
            try {
                File file = source == null
                        ? new File("")
                        : new File(source.getLocation().toURI());
                if (!file.isFile()) {
                    return UNPACKED;
                }
                add(sum, file);
            } catch (IOException | URISyntaxException | IllegalArgumentException e) {
                return UNPACKED;
            }
        }
        return String.format("%08x", sum.getValue());
    }

    private static void add(CRC32C sum, File jar) throws IOException {
        List<String> lines = new ArrayList<>();
        try (ZipFile archive = new ZipFile(jar)) {
            for (ZipEntry entry : Collections.list(archive.entries())) {
                if (entry.getName().endsWith(".class")) {
                    lines.add(entry.getName() + ' ' + entry.getCrc());
                }
            }
        }
        Collections.sort(lines);
        for (String line : lines) {
            sum.update(line.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
    }
}
