// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What the agent changes of the VM itself; a test that is no VM leaves its machine alone. */
public interface GuestMachine {

    /** Sets the VM's host name. */
    void setHostname(String name) throws IOException;

    /** Mounts a file system that lives in memory, with options as in fstab(5). */
    void mountMemory(Path target, List<String> options) throws IOException;

    /** Takes a mount away that {@link #mountMemory} made. */
    void unmount(Path target) throws IOException;

    /** The VM that this process runs in. */
    static GuestMachine real() {
        return new GuestMachine() {
            @Override
            public void setHostname(String name) throws IOException {
                Libc.system().sethostname(name);
            }

            @Override
            public void mountMemory(Path target, List<String> options) throws IOException {
                long flags = 0;
                List<String> data = new ArrayList<>();
                for (String option : options) {
                    switch (option) {
                        case "nosuid" -> flags |= Constants.MS_NOSUID;
                        case "nodev" -> flags |= Constants.MS_NODEV;
                        case "noexec" -> flags |= Constants.MS_NOEXEC;
                        case "ro" -> flags |= Constants.MS_RDONLY;
                        case "rw", "defaults" -> {}
                        default -> {
                            if (option.startsWith("size=") || option.startsWith("mode=")) {
                                data.add(option);
                            }
                        }
                    }
                }
                Libc.system().mount("tmpfs", target.toString(), "tmpfs", flags, String.join(",", data));
            }

            @Override
            public void unmount(Path target) throws IOException {
                Libc.system().umount2(target.toString(), Constants.MNT_DETACH);
            }
        };
    }
}
