// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import io.peerpod.ttrpc.TtrpcServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The relay process: {@code peerpod-relay -control-socket PATH}. It outlives the daemon that started it and ends on SIGTERM. */
public final class RelayMain {
    private RelayMain() {}

    /** Serves the control socket until SIGTERM. */
    public static void main(String[] arguments) {
        Options options = new Options("peerpod-relay");
        Option<Path> controlSocket = options.add(
                        "control-socket",
                        null,
                        Parsers.absolutePath(),
                        null,
                        "unix socket on which the node daemon asks for sessions")
                .required();
        Option<String> logLevel = options.add(
                "log-level",
                "PEERPOD_LOG_LEVEL",
                Parsers.oneOf("trace", "debug", "info", "warn", "error"),
                "info",
                "least severity that is logged");
        try {
            Settings settings = options.resolve(List.of(arguments), System.getenv());
            System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", settings.get(logLevel));
            serve(settings.get(controlSocket));
        } catch (HelpRequestedException e) {
            System.out.println(e.getMessage());
        } catch (InvalidOptionsException e) {
            System.err.println(e.getMessage());
            System.exit(2);
        } catch (IOException e) {
            System.err.println("peerpod-relay: " + e.getMessage());
            System.exit(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void serve(Path controlSocket) throws IOException, InterruptedException {
        Logger log = LoggerFactory.getLogger(RelayMain.class);
        leaveSession(log);
        Path folder = controlSocket.getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        CountDownLatch stopped = new CountDownLatch(1);
        Sessions sessions = Sessions.start();
        TtrpcServer server = TtrpcServer.builder()
                .addService(new ControlService(sessions))
                .name("relay-control")
                .peerCheck(peer -> peer.isRoot() || peer.isThisUser())
                .listen(controlSocket);
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(() -> {
            sessions.close();
            server.close();
            stopped.countDown();
        }));
        log.atInfo()
                .addKeyValue("socket", controlSocket)
                .addKeyValue("pid", ProcessHandle.current().pid())
                .log("the relay is serving");
        stopped.await();
    }

    /** A signal to the daemon's process group, such as Ctrl-C in its terminal, must not reach the relay. */
    private static void leaveSession(Logger log) {
        try {
            Libc.system().setsid();
        } catch (ErrnoException e) {
            // A process that leads its group already has a group of its own.
            log.atDebug().addKeyValue("failure", e.getMessage()).log("the relay stays in its session");
        }
    }
}
