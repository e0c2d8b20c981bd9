// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.WorldProcesses;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The path between worker and guest fails under pods that log and take execs; the calls go on afterwards, each exactly once. */
class BrokenPathIT {
    private static final int PODS = 2;
    private static final Duration CUT = Duration.ofSeconds(Integer.getInteger("peerpod.cut.seconds", 30));
    private static final int RESETS = Integer.getInteger("peerpod.resets", 20);

    /** Nobody has it, so that frames to it are dropped by whoever gets them. */
    private static final String NOBODY = "02:00:00:00:de:ad";

    private static final Pattern NEIGHBOUR = Pattern.compile("^(10\\.231\\.\\S+) dev (\\S+) .*lladdr (\\S+)");

    private World world;

    @BeforeEach
    void makeWorld() throws Exception {
        world = World.start(Map.of());
    }

    @AfterEach
    void takeWorldAway() throws Exception {
        if (world != null) {
            world.close();
        }
    }

    private static void requireTool(String... command) throws Exception {
        boolean there;
        try {
            there = new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            there = false;
        }
        if (!there) {
            System.out.println("SKIPPED: " + String.join(" ", command) + " does not work here (package iproute2)");
        }
        Assumptions.assumeTrue(there, "no " + command[0]);
    }

    @Test
    void packetsThatVanishForAWhileCostNoCall() throws Exception {
        requireTool("ip", "neigh");
        List<Traffic> pods = start();
        List<Neighbour> neighbours = neighbours();
        assertThat(neighbours).hasSizeGreaterThanOrEqualTo(PODS);
        for (Neighbour one : neighbours) {
            run("ip", "neigh", "replace", one.address, "lladdr", NOBODY, "dev", one.link, "nud", "permanent");
        }
        Thread.sleep(CUT);
        for (Neighbour one : neighbours) {
            run("ip", "neigh", "replace", one.address, "lladdr", one.hardware, "dev", one.link, "nud", "reachable");
        }
        Thread.sleep(Duration.ofSeconds(5));
        finish(pods, "packets to the guests dropped for " + CUT.toSeconds() + " s");
    }

    @Test
    void aResetEverySecondCostsNoCall() throws Exception {
        requireTool("ss", "-K", "dst", "127.0.0.9");
        List<Traffic> pods = start();
        long cut = 0;
        for (int i = 0; i < RESETS; i++) {
            cut += run("ss", "-H", "-K", "-t", "dport", "=", ":15150")
                    .lines()
                    .filter(line -> line.contains("ESTAB"))
                    .count();
            Thread.sleep(Duration.ofSeconds(1));
        }
        assertThat(cut).as("connections that were cut").isGreaterThanOrEqualTo((long) RESETS);
        finish(pods, cut + " connections reset in " + RESETS + " s");
    }

    @Test
    void processesThatStandStillForAWhileGoOn() throws Exception {
        List<Traffic> pods = start();
        List<Long> stopped = new ArrayList<>();
        stopped.add(world.node().pid());
        for (String name : List.of(NodeProcess.RELAY_CLASS, "io.peerpod.forwarder.ForwarderMain")) {
            WorldProcesses.matching(name).forEach(each -> stopped.add(each.pid()));
        }
        assertThat(stopped).hasSize(2 + PODS);
        try {
            signal("STOP", stopped);
            Thread.sleep(CUT);
        } finally {
            signal("CONT", stopped);
        }
        Thread.sleep(Duration.ofSeconds(5));
        finish(pods, "daemon, relay and forwarders stopped for " + CUT.toSeconds() + " s");
    }

    private static void signal(String name, List<Long> processes) throws Exception {
        List<String> command = new ArrayList<>(List.of("kill", "-" + name));
        processes.forEach(pid -> command.add(Long.toString(pid)));
        run(command.toArray(String[]::new));
    }

    private List<Traffic> start() throws Exception {
        List<Traffic> pods = Traffic.start(world, PODS, PODS);
        TimeUnit.SECONDS.sleep(2);
        return pods;
    }

    private void finish(List<Traffic> pods, String what) throws Exception {
        // A call whose own deadline passed while nothing moved is its caller's to ask again.
        assertThat(Traffic.end(pods, what))
                .filteredOn(failure -> !failure.contains("the deadline it was sent with"))
                .isEmpty();
        Traffic.stop(pods);
        assertThat(world.sandboxesLeft()).isEmpty();
        assertThat(world.leftovers()).isEmpty();
    }

    /** A guest as the node's kernel knows it. */
    private record Neighbour(String address, String link, String hardware) {}

    private static List<Neighbour> neighbours() throws Exception {
        List<Neighbour> found = new ArrayList<>();
        for (String line : run("ip", "neigh").split("\n", -1)) {
            Matcher matcher = NEIGHBOUR.matcher(line);
            if (matcher.find()) {
                found.add(new Neighbour(matcher.group(1), matcher.group(2), matcher.group(3)));
            }
        }
        return found;
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " failed: " + said);
        }
        return said;
    }
}
