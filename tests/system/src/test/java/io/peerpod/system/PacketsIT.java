// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.doubles.ContainerRequest;
import io.peerpod.doubles.KataShim;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.PodNamespaces;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimProcess;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** A packet as large as the pod's interface allows, with "don't fragment", between two pods: once each way, for each family. */
class PacketsIT {
    private static final String PORT = "7100";
    private static final int UNDERLAY_MTU = 1500;
    private static final int VXLAN_BYTES = 50;

    @Test
    void aFullPacketEachWayIsNotFragmented() throws Exception {
        try (World world = World.start(Map.of())) {
            PodAddresses families = PodNamespaces.hasIpv6() ? PodAddresses.DUAL : PodAddresses.IPV4;
            KataShim near = world.pod("near", 0, families, ShimHabits.GO);
            KataShim far = world.pod("far", 1, families, ShimHabits.GO);
            List<Long> before = fragments();
            for (var address : families.of(1)) {
                String host = address.address().getHostAddress();
                ShimProcess echo = far.run(program("echo", host));
                echo.awaitOutput("waiting", World.PATIENCE);
                ShimProcess send = near.run(program("send", host));
                assertThat(send.awaitExit(World.PATIENCE)).as(send.stderr()).isZero();
                int mtu = UNDERLAY_MTU - VXLAN_BYTES;
                assertThat(send.stdout()).isEqualTo("mtu " + mtu + " sent and received " + mtu + "\n");
                assertThat(echo.awaitExit(World.PATIENCE)).isZero();
            }
            assertThat(fragments())
                    .as("fragments that the node made, asked for or refused to make")
                    .isEqualTo(before);
            near.stop();
            far.stop();
            assertThat(world.sandboxesLeft()).isEmpty();
        }
    }

    private static ContainerRequest program(String role, String host) throws IOException {
        String java = ProcessHandle.current().info().command().orElseThrow();
        Path classes = visibleClasses();
        return ContainerRequest.of(
                role,
                java,
                "-XX:+UseSerialGC",
                "-cp",
                classes.toString(),
                FullPackets.class.getName(),
                role,
                host,
                PORT);
    }

    /** A pod VM sees the distribution wherever it lies, and not the folder of the tests when that is below /tmp. */
    private static Path visibleClasses() throws IOException {
        String name = FullPackets.class.getName().replace('.', '/') + ".class";
        Path root = World.installation().home().resolve("test-programs");
        Path copy = root.resolve(name);
        Files.createDirectories(copy.getParent());
        try (InputStream bytes = FullPackets.class.getClassLoader().getResourceAsStream(name)) {
            Files.write(copy, Objects.requireNonNull(bytes, name).readAllBytes());
        }
        return root;
    }

    /** FragOKs, FragFails, FragCreates and ReasmReqds of IPv4 in the node's namespace, which carries the tunnels. */
    private static List<Long> fragments() throws IOException {
        List<String> lines = Files.readAllLines(Path.of("/proc/self/net/snmp")).stream()
                .filter(line -> line.startsWith("Ip:"))
                .toList();
        List<String> names = List.of(lines.get(0).split(" ", -1));
        List<String> values = List.of(lines.get(1).split(" ", -1));
        return List.of("FragOKs", "FragFails", "FragCreates", "ReasmReqds").stream()
                .map(name -> Long.parseLong(values.get(names.indexOf(name))))
                .toList();
    }
}
