// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.options.Installation;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The local cloud's configuration.
 *
 * @param addresses of the VMs
 * @param init the program that a VM runs as its first process; empty if there is neither an option nor an installation
 * @param state folder of the cloud's own record, made with mode 0700
 */
record LocalConfig(AddressPool addresses, Optional<Path> init, Path state) {

    /** The rows of the option table, bound to one table. */
    record Rows(Option<AddressPool> cidr, Option<Path> init, Option<Path> state, Option<Path> faults) {

        static Rows declare(Options options) {
            return new Rows(
                    options.add(
                            "local-podvm-cidr",
                            "LOCAL_PODVM_CIDR",
                            Parsers.of(
                                    "an IPv4 network such as 10.231.0.0/16, prefix length 8 to 30", AddressPool::parse),
                            "10.231.0.0/16",
                            "IPv4 network that pod VMs of the local cloud get their addresses from; its first host is the gateway"),
                    options.add(
                            "local-podvm-init",
                            "LOCAL_PODVM_INIT",
                            Parsers.absolutePath(),
                            null,
                            "executable that a pod VM of the local cloud runs as its first process; without it the podvm-init of this installation"),
                    options.add(
                            "local-podvm-state",
                            "LOCAL_PODVM_STATE",
                            Parsers.absolutePath(),
                            "/run/peerpod/local-cloud",
                            "folder of the local cloud's own record of its pod VMs, mode 0700"),
                    options.add(
                            "local-podvm-faults",
                            "LOCAL_PODVM_FAULTS",
                            Parsers.absolutePath(),
                            null,
                            "for tests only: file of faults that the local cloud shall have, see docs/local-cloud.md"));
        }

        LocalConfig read(Settings settings) {
            Optional<Path> init = settings.find(init())
                    .or(() -> Installation.current()
                            .map(installation ->
                                    Path.of(installation.command("podvm-init").getFirst())));
            return new LocalConfig(settings.get(cidr()), init, settings.get(state()));
        }
    }
}
