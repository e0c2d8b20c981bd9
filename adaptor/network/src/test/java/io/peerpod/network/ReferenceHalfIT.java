// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.network.TunnelLab.Families;
import io.peerpod.network.TunnelLab.Pod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Our halves against the commands that the reference's other half amounts to (adaptor.md 6.3 and 6.4). */
class ReferenceHalfIT {
    private static final int VNI = 555_000;

    @TempDir
    private Path folder;

    @BeforeEach
    void needTools() throws Exception {
        Privileges.assumeNetworkAdministrator();
        for (String tool : List.of("ip", "tc")) {
            boolean present =
                    new ProcessBuilder("sh", "-c", "command -v " + tool).start().waitFor() == 0;
            if (!present) {
                System.out.println("skipped: the reference's half is played by iproute2, and there is no " + tool);
            }
            Assumptions.assumeTrue(present, "no " + tool);
        }
    }

    private static void run(NetworkNamespace where, String... commands) throws Exception {
        for (String command : commands) {
            where.call(() -> {
                Process process = new ProcessBuilder("sh", "-c", command)
                        .redirectErrorStream(true)
                        .start();
                String output =
                        new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
                if (process.waitFor() != 0) {
                    throw new IOException(command + ": " + output);
                }
                return output;
            });
        }
    }

    private static PodNetwork inspect(TunnelLab lab, Pod pod) throws IOException {
        return lab.hostNetwork.inspect(pod.netns(), lab.options()).withVxlanId(VNI, VNI);
    }

    @Test
    void ourWorkerWithTheReferencesGuest() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            PodNetwork network = inspect(lab, pod);
            lab.hostNetwork.setUp(new TunnelPlan(pod.netns(), network, List.of(lab.vmAddress(false))));
            NetworkNamespace.create(pod.guestNetns()).close();
            run(
                    lab.vm,
                    "ip link add vxlan0 txqueuelen 0 type vxlan id " + VNI
                            + " remote 192.168.77.1 dstport 4789 nolearning",
                    "ip link set vxlan0 netns " + pod.guestNetns());
            try (NetworkNamespace guest = NetworkNamespace.open(pod.guestNetns())) {
                run(
                        guest,
                        "ip link set vxlan0 name eth0",
                        "ip link set eth0 address " + network.macAddress(),
                        "ip link set eth0 mtu " + Math.min(network.mtu(), 1450),
                        "ip addr add 10.42.1.5/24 brd + dev eth0",
                        "ip link set eth0 up",
                        "ip route del 10.42.1.0/24 dev eth0");
                for (PodNetwork.Route route : network.routes()) {
                    String way = route.gateway()
                            .map(gateway -> " via " + gateway.getHostAddress())
                            .orElse("");
                    String scope = route.gateway().isPresent() ? "" : " scope link";
                    run(
                            guest,
                            "ip route add " + route.destination() + way + " dev eth0 proto "
                                    + route.protocol().orElse("boot") + scope);
                }
            }
            lab.exchange(pod, false, 1450);
            assertThat(lab.fragments()).isZero();
        }
    }

    @Test
    void theReferencesWorkerWithOurGuest() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            PodNetwork network = inspect(lab, pod);
            run(
                    lab.worker,
                    "ip link add ppvxlan1 txqueuelen 0 type vxlan id " + VNI
                            + " remote 192.168.77.2 dstport 4789 nolearning",
                    "ip link set ppvxlan1 netns " + pod.netns());
            try (NetworkNamespace inPod = NetworkNamespace.open(pod.netns())) {
                run(
                        inPod,
                        "ip link set ppvxlan1 name vxlan1",
                        "ip link set vxlan1 up",
                        "tc qdisc add dev eth0 ingress",
                        "tc filter add dev eth0 parent ffff: protocol all u32 match u32 0 0"
                                + " action mirred egress redirect dev vxlan1",
                        "tc qdisc add dev vxlan1 ingress",
                        "tc filter add dev vxlan1 parent ffff: protocol all u32 match u32 0 0"
                                + " action mirred egress redirect dev eth0");
            }
            // The reference writes the CNI interface's own MTU.
            PodNetwork written = new PodNetwork(
                    network.addresses(),
                    network.macAddress(),
                    network.interfaceName(),
                    network.workerAddress(),
                    network.tunnelType(),
                    network.routes(),
                    network.neighbors(),
                    1500,
                    0,
                    TunnelLab.PORT,
                    VNI,
                    false,
                    false);
            lab.guestNetwork.setUp(written, pod.guestNetns(), Optional.empty());
            lab.exchange(pod, false, 1450);
            assertThat(lab.fragments()).isZero();
        }
    }

    @Test
    void aHalfMadeDeviceOfTheReferencesGuestIsReplaced() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            PodNetwork network = inspect(lab, pod);
            lab.hostNetwork.setUp(new TunnelPlan(pod.netns(), network, List.of(lab.vmAddress(false))));
            String add = "ip link add vxlan0 type vxlan id " + VNI + " remote 192.168.77.1 dstport 4789 nolearning";
            run(lab.vm, add);
            lab.guestNetwork.setUp(network, pod.guestNetns(), Optional.empty());
            lab.exchange(pod, false, 1450);
            lab.guestNetwork.tearDown(network, pod.guestNetns());
            run(lab.vm, add, "ip link set vxlan0 netns " + pod.guestNetns());
            lab.guestNetwork.setUp(network, pod.guestNetns(), Optional.empty());
            lab.exchange(pod, false, 1450);
        }
    }
}
