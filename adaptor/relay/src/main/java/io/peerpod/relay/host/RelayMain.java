// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import io.peerpod.relay.RelayBuild;
import io.peerpod.relay.RelayClient;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.session.SessionLimits;
import io.peerpod.ttrpc.TtrpcServer;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The relay process: {@code peerpod-relay -control-socket PATH}. It outlives the daemon that started it and ends on SIGTERM. With {@code -take-over} it takes everything over from the relay
 * that serves there, with {@code -daemon} it is the parent of the daemon.
 */
public final class RelayMain {
    /** Exit code when the running relay keeps everything: another time it may not (EX_TEMPFAIL of sysexits.h). */
    public static final int EXIT_REFUSED = 75;

    private static final int BACKLOG = 1024;

    private final Path controlSocket;
    private final Path folder;
    private final boolean takeOver;
    private final List<String> command;
    private final Sessions sessions;
    private volatile @Nullable DaemonParent daemon;
    private volatile @Nullable TtrpcServer server;
    private volatile boolean handedOver;

    private RelayMain(Path controlSocket, boolean takeOver, List<String> command, SessionLimits limits)
            throws IOException {
        this.controlSocket = controlSocket;
        this.folder = Objects.requireNonNullElse(controlSocket.getParent(), Path.of("/"));
        this.takeOver = takeOver;
        this.command = command;
        sessions = Sessions.start(limits);
    }

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
        Option<Boolean> takeOver = options.addSwitch(
                "take-over",
                null,
                false,
                "take the sessions, with their open connections, over from the relay that serves there");
        Option<Boolean> parent = options.addSwitch(
                "daemon",
                null,
                false,
                "be the parent of the daemon, whose command follows behind --, and take over from a relay that serves there");
        Option<Duration> patience = options.add(
                "session-patience",
                "PEERPOD_SESSION_PATIENCE",
                Parsers.duration(Duration.ZERO, Duration.ofHours(1)),
                SessionLimits.RELAY.patience().toSeconds() + "s",
                "how long a pod VM that is cut off is dialled again before its pod ends; 0 ends it at once. Set the variable for the daemon, which passes it on");
        options.acceptArguments("[-- daemon's command]");
        Option<String> logLevel = options.add(
                "log-level",
                "PEERPOD_LOG_LEVEL",
                Parsers.oneOf("trace", "debug", "info", "warn", "error"),
                "info",
                "least severity that is logged");
        try {
            Settings settings = options.resolve(List.of(arguments), System.getenv());
            System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", settings.get(logLevel));
            if (settings.get(parent) == settings.arguments().isEmpty()) {
                System.err.println("peerpod-relay: -daemon and a command behind -- go together");
                System.exit(2);
            }
            new RelayMain(
                            settings.get(controlSocket),
                            settings.get(takeOver),
                            settings.arguments(),
                            SessionLimits.RELAY.withPatience(settings.get(patience)))
                    .serve();
        } catch (HelpRequestedException e) {
            System.out.println(e.getMessage());
        } catch (InvalidOptionsException e) {
            System.err.println(e.getMessage());
            System.exit(2);
        } catch (IOException | UnsupportedOperationException e) {
            System.err.println("peerpod-relay: " + e.getMessage());
            System.exit(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void serve() throws IOException, InterruptedException {
        AdoptedChannels.probe();
        if (!isParent()) {
            leaveSession();
        }
        Files.createDirectories(folder);
        try (FileChannel _ = lock(folder)) {
            if (!isServed(controlSocket)) {
                listen(bind(controlSocket));
            } else if (isParent() || takeOver) {
                takeOver();
            } else {
                log().atInfo().addKeyValue("socket", controlSocket).log("another relay serves already");
                Runtime.getRuntime().halt(0);
            }
        }
        log().atInfo()
                .addKeyValue("socket", controlSocket)
                .addKeyValue("pid", ProcessHandle.current().pid())
                .addKeyValue("build", RelayBuild.current())
                .addKeyValue("sessions", sessions.list().size())
                .log("the relay is serving");
        if (isParent()) {
            daemon = DaemonParent.start(command, () -> sessions.list().size());
        }
        new CountDownLatch(1).await(); // A signal ends it.
    }

    private boolean isParent() {
        return !command.isEmpty();
    }

    private void listen(ServerSocketChannel control) {
        Predecessor predecessor = new Predecessor(
                sessions,
                control,
                folder,
                isParent() ? this::linger : () -> Runtime.getRuntime().halt(0));
        TtrpcServer serving = TtrpcServer.builder()
                .addService(new ControlService(sessions, predecessor))
                .name("relay-control")
                .peerCheck(peer -> peer.isRoot() || peer.isThisUser())
                .serve(control);
        server = serving;
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(() -> stop(serving)));
    }

    private void stop(TtrpcServer serving) {
        DaemonParent child = daemon;
        if (child != null) {
            child.stop();
        }
        if (!handedOver) {
            sessions.close();
            serving.close();
            remove(controlSocket);
        }
    }

    /** Everything is a successor's; this process stays only as the parent of its daemon, which a container would not outlive. */
    private void linger() {
        handedOver = true;
        sessions.abandon();
        DaemonParent child = daemon;
        if (child != null) {
            child.replaced();
        }
        TtrpcServer serving = server;
        if (serving != null) {
            Thread.ofVirtual().name("relay-control-end").start(serving::close);
        }
    }

    /** Not a constant: the level is set by an option. */
    private static Logger log() {
        return LoggerFactory.getLogger(RelayMain.class);
    }

    /** Two relays that start at once must not both find nobody. The kernel frees the lock of a dead one. */
    private static FileChannel lock(Path folder) throws IOException {
        FileChannel channel = FileChannel.open(
                folder.resolve("relay.lock"),
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        channel.lock();
        return channel;
    }

    private static boolean isServed(Path socket) {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            return channel.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    private static ServerSocketChannel bind(Path socket) throws IOException {
        if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS)
                && !Files.readAttributes(socket, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                        .isOther()) {
            throw new IOException(
                    "cannot listen on " + socket + ": something that is no socket has that name; move it away");
        }
        Files.deleteIfExists(socket);
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.bind(UnixDomainSocketAddress.of(socket), BACKLOG);
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            return channel;
        } catch (IOException e) {
            channel.close();
            throw new IOException("cannot listen on " + socket + ": " + e.getMessage(), e);
        }
    }

    private static void remove(Path socket) {
        try {
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            log().atWarn().addKeyValue("failure", e.getMessage()).log("the control socket could not be removed");
        }
    }

    private void takeOver() throws IOException {
        Path door = folder.resolve(".relay-" + ProcessHandle.current().pid());
        try {
            Rehearsal.run(folder);
            try (RelayClient running = RelayClient.connect(controlSocket);
                    Successor successor = Successor.listen(door)) {
                DialledAhead ahead = sessions.dialAhead(running.list());
                Optional<String> refusal = running.handOver(door);
                if (refusal.isPresent()) {
                    throw new IOException("the running relay does not hand over: " + refusal.get());
                }
                Successor.Taken taken = successor.take(sessions, ahead);
                taken.sessions().begin();
                listen(taken.control());
            }
        } catch (IOException | RelayException | InterruptedException | RuntimeException e) {
            System.err.println("peerpod-relay: " + e.getMessage());
            System.err.flush();
            // Nothing is closed in good order: the sockets are the running relay's.
            if (!isParent()) {
                Runtime.getRuntime().halt(EXIT_REFUSED);
            }
            handedOver = true;
            sessions.abandon();
        }
    }

    /** A signal to the daemon's process group, such as Ctrl-C in its terminal, must not reach the relay. */
    private static void leaveSession() {
        try {
            Libc.system().setsid();
        } catch (ErrnoException e) {
            // A process that leads its group already has a group of its own.
            log().atDebug().addKeyValue("failure", e.getMessage()).log("the relay stays in its session");
        }
    }
}
