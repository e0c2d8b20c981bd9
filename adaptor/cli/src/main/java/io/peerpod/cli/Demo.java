// SPDX-License-Identifier: Apache-2.0
package io.peerpod.cli;

import io.peerpod.doubles.ContainerRequest;
import io.peerpod.doubles.NodeProcess;
import io.peerpod.doubles.PodAddresses;
import io.peerpod.doubles.PodNamespaces;
import io.peerpod.doubles.PrivateWorld;
import io.peerpod.doubles.ShimHabits;
import io.peerpod.doubles.ShimProcess;
import io.peerpod.network.IpPrefix;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.Installation;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code peerpod demo}: relay, daemon and local cloud as processes, and two pods that talk to each other over the pod network; the first is
 * started as the Go shim does it, the second as runtime-rs does.
 */
final class Demo {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int PORT = 7000;
    private static final int SPEAKER_ANSWERED = 3;
    private static final int EXEC_CODE = 7;

    private static volatile boolean interrupted;

    private final PrivateWorld world;
    private final Steps steps = new Steps();

    private Demo(PrivateWorld world) {
        this.world = world;
    }

    static int run(List<String> arguments, Map<String, String> environment)
            throws InvalidOptionsException, HelpRequestedException, Exception {
        Options options = new Options("peerpod demo");
        var cloud = options.add("cloud", null, Parsers.oneOf("local"), "local", "the cloud that makes the pod VMs");
        Settings settings = options.resolve(arguments, environment);
        Installation installation = Installation.current()
                .orElseThrow(() -> new IOException("start it as ./peerpod demo, which knows where the programs are"));
        System.out.println("peerpods demo on the " + settings.get(cloud) + " cloud");
        PrivateWorld world = PrivateWorld.make(installation);
        Thread player = Thread.currentThread();
        Thread atSignal = new Thread(() -> takeAway(world, player), "demo-shutdown");
        Runtime.getRuntime().addShutdownHook(atSignal);
        long before = System.nanoTime();
        Demo demo = new Demo(world);
        try (world) {
            demo.play();
        } catch (Exception e) {
            if (interrupted) {
                // Whatever broke, it broke because all is being taken away.
                List<String> left = world.leftovers();
                left.forEach(one -> System.out.println("left behind, and killed or dropped with this world: " + one));
                System.out.println(left.isEmpty() ? "interrupted; nothing left behind" : "interrupted");
                throw new InterruptedException();
            }
            throw e;
        }
        List<String> left = world.leftovers();
        if (!left.isEmpty()) {
            left.forEach(one -> System.out.println("left behind: " + one));
            throw new IOException(left.size() + " things were left behind; this is a fault of ours, please report it"
                    + " with the lines above");
        }
        System.out.printf(
                "nothing left behind: no process, namespace, link, mount, socket or file (whole demo %.1f s)%n",
                (System.nanoTime() - before) / 1e9);
        return 0;
    }

    /** Runs at Ctrl-C, and harmlessly again at a normal end. */
    private static void takeAway(PrivateWorld world, Thread player) {
        interrupted = true;
        player.interrupt();
        try {
            world.close();
            PrivateWorld.killTheRest();
        } catch (IOException e) {
            System.err.println("while taking the demo away: " + e.getMessage());
        }
    }

    private void play() throws Exception {
        NodeProcess node = world.startNode(Map.of());
        steps.done("node", "daemon and relay: exec to hypervisor.sock answering", node.served());
        PodAddresses families = PodNamespaces.hasIpv6() ? PodAddresses.DUAL : PodAddresses.IPV4;
        try (DemoPod listener = DemoPod.start("pod-a", ShimHabits.GO, families.of(0), steps, world);
                DemoPod speaker = DemoPod.start("pod-b", ShimHabits.RUNTIME_RS, families.of(1), steps, world)) {
            talk(listener, speaker);
            exec(speaker);
            listener.printDaemonStages(node.log());
            speaker.printDaemonStages(node.log());
            speaker.stop();
            listener.stop();
        } catch (Exception e) {
            if (!interrupted) {
                System.out.println("The end of the daemon's log:\n" + NodeProcess.tail(node.log()));
            }
            throw e;
        }
        List<String> left =
                steps.time("node", "every VM deleted, every sandbox forgotten", () -> world.awaitNoSandbox(PATIENCE));
        expect(left.isEmpty(), "no sandbox left", left.toString());
        steps.printStartUp();
    }

    /** A container in each pod: one listens, the other speaks to it once for each family. */
    private void talk(DemoPod listener, DemoPod speaker) throws Exception {
        int families = listener.addresses().size();
        ShimProcess hearing = steps.time(
                listener.name(),
                "container 'listener' started",
                () -> listener.run(program("listener", "listen", Integer.toString(PORT), Integer.toString(families))));
        hearing.awaitOutput("listening", PATIENCE);
        for (IpPrefix address : listener.addresses()) {
            String host = address.address().getHostAddress();
            String text = "hello over " + (address.isIpv4() ? "IPv4" : "IPv6");
            ShimProcess saying = steps.time(
                    speaker.name(),
                    "container 'speaker' started, to " + host,
                    () -> speaker.run(program("speaker", "say", host, Integer.toString(PORT), text)));
            int code = steps.time(speaker.name(), "container 'speaker' ended", () -> saying.awaitExit(PATIENCE));
            steps.say(speaker.name(), saying.stdout() + saying.stderr());
            expect(code == SPEAKER_ANSWERED, "exit code " + SPEAKER_ANSWERED + " of the speaker", "exit code " + code);
        }
        int code = steps.time(listener.name(), "container 'listener' ended", () -> hearing.awaitExit(PATIENCE));
        steps.say(listener.name(), hearing.stdout() + hearing.stderr());
        expect(code == 0, "exit code 0 of the listener", "exit code " + code);
        for (IpPrefix from : speaker.addresses()) {
            String said = from.address().getHostAddress() + " said: ";
            expect(
                    hearing.stdout().contains(said),
                    "a line '" + said + "…' from the pod's own address",
                    hearing.stdout());
        }
    }

    /** A further process in a running container, with input, output and an exit code. */
    private void exec(DemoPod pod) throws Exception {
        ContainerRequest sleeper = ContainerRequest.of("sleeper", "/bin/sh", "-c", "echo up; exec sleep 600")
                .withEnv("GREETING=hello from the environment");
        ShimProcess sleeping = steps.time(pod.name(), "container 'sleeper' started", () -> pod.run(sleeper));
        sleeping.awaitOutput("up", PATIENCE);
        ShimProcess exec = steps.time(
                pod.name(),
                "exec in 'sleeper'",
                () -> pod.exec(
                        sleeper,
                        ContainerRequest.of(
                                        "exec",
                                        "/bin/sh",
                                        "-c",
                                        "read line; cat >/dev/null; echo \"$GREETING, and '$line' from stdin\"; exit 7")
                                .withEnv("GREETING=hello from the environment")));
        exec.writeStdin("a line\n".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        exec.closeStdin();
        int code = steps.time(pod.name(), "exec ended, exit code arrived", () -> exec.awaitExit(PATIENCE));
        steps.say(pod.name(), exec.stdout() + exec.stderr() + "exit code " + code);
        expect(code == EXEC_CODE, "exit code " + EXEC_CODE + " of the exec", "exit code " + code);
    }

    /** A container that runs {@link PodTalk} with the Java and the jar of this very program. */
    private static ContainerRequest program(String name, String... arguments) throws IOException {
        String java = ProcessHandle.current()
                .info()
                .command()
                .orElseThrow(() -> new IOException("the path of the running java cannot be read from /proc"));
        List<String> command = new ArrayList<>(List.of(
                java,
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx32m",
                "-cp",
                Path.of(System.getProperty("java.class.path")).toAbsolutePath().toString(),
                PodTalk.class.getName()));
        command.addAll(List.of(arguments));
        return ContainerRequest.of(name, command.toArray(String[]::new));
    }

    private static void expect(boolean holds, String expected, String seen) throws IOException {
        if (!holds) {
            throw new IOException("expected " + expected + ", saw " + seen
                    + "; this is a fault of ours, please report it with the lines above");
        }
    }
}
