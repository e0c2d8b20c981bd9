// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.peerpod.contract.agent.CgroupStats;
import io.peerpod.contract.agent.CpuStats;
import io.peerpod.contract.agent.CpuUsage;
import io.peerpod.contract.agent.MemoryData;
import io.peerpod.contract.agent.MemoryStats;
import io.peerpod.contract.agent.NetworkStats;
import io.peerpod.contract.agent.PidsStats;
import io.peerpod.contract.agent.StatsContainerResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A container's figures, counted from its processes: there is no cgroup, so what ended processes used is not in them. */
final class Statistics {
    /** proc(5), /proc/net/dev: a name and sixteen figures, the first eight received, the others sent. */
    private static final int FIGURES = 16;

    private Statistics() {}

    static StatsContainerResponse of(List<Integer> pids) {
        GuestProcesses.Usage sum = new GuestProcesses.Usage(0, 0, 0);
        for (int pid : pids) {
            sum = GuestProcesses.usageOf(pid).map(sum::plus).orElse(sum);
        }
        StatsContainerResponse.Builder stats = StatsContainerResponse.newBuilder()
                .setCgroupStats(CgroupStats.newBuilder()
                        .setCpuStats(CpuStats.newBuilder()
                                .setCpuUsage(CpuUsage.newBuilder()
                                        .setTotalUsage(sum.userNanoseconds() + sum.kernelNanoseconds())
                                        .setUsageInKernelmode(sum.kernelNanoseconds())
                                        .setUsageInUsermode(sum.userNanoseconds())))
                        .setMemoryStats(MemoryStats.newBuilder()
                                .setUsage(MemoryData.newBuilder().setUsage(sum.memoryBytes())))
                        .setPidsStats(PidsStats.newBuilder().setCurrent(pids.size())));
        if (!pids.isEmpty()) {
            stats.addAllNetworkStats(network(pids.getFirst()));
        }
        return stats.build();
    }

    /** The interfaces that a process sees, less the loopback. */
    private static List<NetworkStats> network(int pid) {
        List<NetworkStats> interfaces = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/net/dev"), StandardCharsets.UTF_8)) {
                int colon = line.indexOf(':');
                if (colon < 0 || line.substring(0, colon).strip().equals("lo")) {
                    continue;
                }
                String[] figures = line.substring(colon + 1).strip().split("\\s+", -1);
                if (figures.length < FIGURES) {
                    continue;
                }
                interfaces.add(NetworkStats.newBuilder()
                        .setName(line.substring(0, colon).strip())
                        .setRxBytes(Long.parseUnsignedLong(figures[0]))
                        .setRxPackets(Long.parseUnsignedLong(figures[1]))
                        .setRxErrors(Long.parseUnsignedLong(figures[2]))
                        .setRxDropped(Long.parseUnsignedLong(figures[3]))
                        .setTxBytes(Long.parseUnsignedLong(figures[8]))
                        .setTxPackets(Long.parseUnsignedLong(figures[9]))
                        .setTxErrors(Long.parseUnsignedLong(figures[10]))
                        .setTxDropped(Long.parseUnsignedLong(figures[11]))
                        .build());
            }
        } catch (IOException e) {
            // The process has ended meanwhile.
        }
        return interfaces;
    }
}
