// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.network.libc.Libc;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Settings;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code agent-protocol-forwarder}: the guest's half of the agent's connection and of the pod's network (adaptor.md 1.4, 5). */
public final class ForwarderMain {

    static final String PROGRAM = "agent-protocol-forwarder";
    private static final Logger log = LoggerFactory.getLogger(ForwarderMain.class);

    private ForwarderMain() {}

    /** Why the program ends. */
    private sealed interface End {
        record Signalled() implements End {}

        record Failed(String why) implements End {}
    }

    /** Runs the program: exit code 0 after a signal, 1 after a failure. */
    public static void main(String[] arguments) {
        // Not exit: nothing is left to be done, and a thread that still waits must not be waited for.
        Runtime.getRuntime().halt(run(List.of(arguments)));
    }

    private static int run(List<String> arguments) {
        loadNativeCode();
        var table = new ForwarderSettings.Table();
        ForwarderSettings settings;
        try {
            Settings resolved = table.resolve(arguments);
            if (table.versionRequested(resolved)) {
                System.out.println(PROGRAM + " " + Version.text());
                return 0;
            }
            settings = table.read(resolved);
        } catch (HelpRequestedException e) {
            System.out.print(e.getMessage());
            return 0;
        } catch (InvalidOptionsException e) {
            System.err.println(e.getMessage());
            return 1;
        }
        try {
            return serve(settings);
        } catch (ForwarderException e) {
            log.atError().log(e.getMessage());
            return 1;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 1;
        }
    }

    /** The first call of the C library takes longer than reading the settings and the configuration, so it is made beside that. */
    private static void loadNativeCode() {
        Thread.ofPlatform()
                .daemon()
                .name("native-code")
                .start(() -> Libc.system().geteuid());
    }

    private static int serve(ForwarderSettings settings) throws ForwarderException, InterruptedException {
        ServiceManager manager = ServiceManager.ofThisProcess();
        BlockingQueue<End> ends = new LinkedBlockingQueue<>();
        var starting = new AtomicBoolean(true);
        Thread starter = Thread.currentThread();
        watch("stop-signal", ends, () -> {
            // Installed here, since that takes a while, and before it a signal may simply end the process: nothing is
            // held yet.
            StopSignals.install().await();
            if (starting.compareAndSet(true, false)) {
                starter.interrupt();
            }
            return new End.Signalled();
        });
        Forwarder started;
        try {
            started = Forwarder.start(settings, new LinuxPodNetworkHalf(), KeptDescriptors.of(System.getenv()));
        } catch (InterruptedException e) {
            log.atInfo().log("asked to stop before the start was complete");
            return 0;
        }
        try (Forwarder forwarder = started) {
            if (starting.compareAndSet(true, false)) {
                manager.ready();
                watch("agent", ends, () -> {
                    forwarder.awaitAgent();
                    forwarder.awaitEnd();
                    return new End.Failed("Serving ended by itself; the lines above say why.");
                });
            } else {
                Thread.interrupted(); // the interrupt came too late to stop the start
            }
            End end = ends.take();
            manager.stopping();
            return report(end);
        }
    }

    private static int report(End end) {
        return switch (end) {
            case End.Signalled() -> {
                log.atInfo().log("asked to stop");
                yield 0;
            }
            case End.Failed(String why) -> {
                log.atError().log(why);
                yield 1;
            }
        };
    }

    /** What a watcher waits for. */
    private interface Wait {
        End until() throws ForwarderException, InterruptedException;
    }

    private static void watch(String name, BlockingQueue<End> ends, Wait wait) {
        Thread.ofVirtual().name(name).start(() -> {
            try {
                ends.add(wait.until());
            } catch (ForwarderException e) {
                ends.add(new End.Failed(String.valueOf(e.getMessage())));
            } catch (InterruptedException e) {
                ends.add(new End.Failed("interrupted"));
            }
        });
    }
}
