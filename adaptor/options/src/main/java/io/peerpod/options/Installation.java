// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The folder that the running program was installed in, with {@code bin/<app>} scripts: how one of our programs starts another.
 *
 * @param home absolute
 */
public record Installation(Path home) {
    /** The system property that the start scripts set. */
    public static final String HOME_PROPERTY = "peerpod.home";

    public Installation {
        home = home.toAbsolutePath().normalize();
    }

    /** The installation of this process; empty when it was not started by one of the scripts, as in tests. */
    public static Optional<Installation> current() {
        String home = System.getProperty(HOME_PROPERTY, "");
        return home.isEmpty() ? Optional.empty() : Optional.of(new Installation(Path.of(home)));
    }

    /** The start of the command line that runs an application, such as {@code peerpod-relay}. */
    public List<String> command(String app) {
        return List.of(home.resolve("bin").resolve(app).toString());
    }
}
