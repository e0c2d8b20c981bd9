// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.NetworkNamespace;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.PodVm;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A daemon that a test kills: creates one VM, or deletes it, when it is told to on standard input, and then stays.
 * Arguments: state folder, init, path of the network namespace.
 */
final class CreatingProgram {
    private CreatingProgram() {}

    public static void main(String[] arguments) throws Exception {
        LocalConfig config = new LocalConfig(
                AddressPool.parse("10.231.0.0/24"), Optional.of(Path.of(arguments[1])), Path.of(arguments[0]));
        try (NetworkNamespace network = NetworkNamespace.open(Path.of(arguments[2]));
                CloudProvider provider = new LocalCloudProvider(config, network::routeNetlink)) {
            // Classes are loaded before the clock of the test starts.
            provider.find(LocalCloudIT.token(1));
            System.out.println("ready");
            byte[] word = System.in.readNBytes(6);
            if (new String(word, StandardCharsets.US_ASCII).equals("delete")) {
                System.out.println("deleted " + provider.delete(LocalCloudIT.token(1)));
            } else {
                PodVm vm = provider.create(LocalCloudIT.token(1), LocalCloudIT.spec("#cloud-config\n"));
                System.out.println("created " + vm.id());
            }
            System.in.read();
        }
    }
}
