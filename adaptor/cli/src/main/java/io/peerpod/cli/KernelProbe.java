// SPDX-License-Identifier: Apache-2.0
package io.peerpod.cli;

import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.PodNamespaces;
import io.peerpod.network.HostNetwork;
import io.peerpod.network.InspectOptions;
import io.peerpod.network.IpPrefix;
import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.TunnelPlan;
import io.peerpod.network.VniAllocator;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Tries in the kernel what a pod needs, in the namespaces of this process, which must be its own. It prints a line for each thing, with tabs,
 * for the doctor that started it.
 */
final class KernelProbe {
    private static final int VXLAN_PORT = 4789;
    private static final int FIRST_VNI = 555_000;

    private KernelProbe() {}

    private interface Trial {
        void run() throws IOException, InterruptedException;
    }

    static int run() {
        boolean mounts = attempt(
                "tmpfs mounts",
                KernelProbe::mountRun,
                "mounts are refused: a security module or a seccomp filter forbids them; the local cloud needs them");
        if (!mounts) {
            return 1;
        }
        attempt("network namespaces, veth, bridge", KernelProbe::links, "load the modules: modprobe -a veth bridge");
        attempt(
                "vxlan, ingress qdisc, u32, mirred",
                KernelProbe::tunnel,
                "load the modules: modprobe -a vxlan sch_ingress cls_u32 act_mirred (package linux-modules-extra or kernel-modules-extra)");
        boolean ipv6 = PodNamespaces.hasIpv6();
        System.out.println(
                ipv6
                        ? "OK\tIPv6\tavailable\t"
                        : "LIMITED\tIPv6\tnot in this kernel\tIPv6 pods will not start; boot without ipv6.disable=1");
        return 0;
    }

    private static boolean attempt(String thing, Trial trial, String remedy) {
        try {
            trial.run();
            System.out.println("OK\t" + thing + "\twork\t");
            return true;
        } catch (IOException | InterruptedException | RuntimeException e) {
            String seen = String.valueOf(e.getMessage()).replace('\t', ' ').replace('\n', ' ');
            System.out.println("BROKEN\t" + thing + "\t" + seen + "\t" + remedy);
            return false;
        }
    }

    private static void mountRun() throws IOException {
        Libc.system().mount("peerpod-doctor", "/run", "tmpfs", 0, "mode=755");
        Files.createDirectories(Path.of("/run/netns"));
    }

    private static void links() throws IOException {
        try (PodNamespaces node = PodNamespaces.make()) {
            node.add("doctor", PodAddresses.IPV4.of(0));
        }
    }

    private static void tunnel() throws IOException, InterruptedException {
        try (PodNamespaces node = PodNamespaces.make();
                NetworkNamespace host = NetworkNamespace.current()) {
            Path pod = node.add("doctor", PodAddresses.IPV4.of(0));
            HostNetwork network = new HostNetwork(host);
            PodNetwork seen = network.inspect(pod, new InspectOptions(Optional.empty(), List.of(), VXLAN_PORT, false));
            int vni = new VniAllocator(host, FIRST_VNI, List.of()).reserve(pod, seen);
            TunnelPlan plan = new TunnelPlan(
                    pod, seen.withVxlanId(vni, FIRST_VNI), List.of(IpPrefix.parseAddress("192.168.144.9")));
            network.setUp(plan);
            network.tearDown(plan);
        }
    }

    /** Reads back what {@link #run} printed; other lines are passed over. */
    static List<Finding> read(String output) {
        List<Finding> findings = new ArrayList<>();
        for (String line : output.lines().toList()) {
            String[] fields = line.split("\t", -1);
            if (fields.length == 4) {
                findings.add(new Finding(fields[1], Finding.Verdict.valueOf(fields[0]), fields[2], fields[3]));
            }
        }
        return findings;
    }
}
