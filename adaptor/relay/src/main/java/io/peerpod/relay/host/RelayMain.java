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
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The relay process: {@code peerpod-relay -control-socket PATH}. It outlives the daemon that started it and ends on SIGTERM. With {@code -take-over} it takes everything over from the relay
 * that serves there.
 */
public final class RelayMain {
    /** Exit code when the running relay keeps everything: another time it may not (EX_TEMPFAIL of sysexits.h). */
    public static final int EXIT_REFUSED = 75;

    private static final int BACKLOG = 1024;

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
        Option<Boolean> takeOver = options.addSwitch(
                "take-over",
                null,
                false,
                "take the sessions, with their open connections, over from the relay that serves there");
        Option<String> logLevel = options.add(
                "log-level",
                "PEERPOD_LOG_LEVEL",
                Parsers.oneOf("trace", "debug", "info", "warn", "error"),
                "info",
                "least severity that is logged");
        try {
            Settings settings = options.resolve(List.of(arguments), System.getenv());
            System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", settings.get(logLevel));
            serve(settings.get(controlSocket), settings.get(takeOver));
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

    private static void serve(Path controlSocket, boolean takeOver) throws IOException, InterruptedException {
        AdoptedChannels.probe();
        leaveSession();
        Path folder = Objects.requireNonNullElse(controlSocket.getParent(), Path.of("/"));
        Files.createDirectories(folder);
        Sessions sessions = Sessions.start();
        CountDownLatch stopped = new CountDownLatch(1);
        try (FileChannel _ = lock(folder)) {
            ServerSocketChannel control;
            Optional<Sessions.Adopted> adopted = Optional.empty();
            if (!isServed(controlSocket)) {
                control = bind(controlSocket);
            } else if (takeOver) {
                Successor.Taken taken = takeOver(controlSocket, folder, sessions);
                control = taken.control();
                adopted = Optional.of(taken.sessions());
            } else {
                log().atInfo().addKeyValue("socket", controlSocket).log("another relay serves already");
                Runtime.getRuntime().halt(0);
                return;
            }
            adopted.ifPresent(Sessions.Adopted::begin);
            Predecessor predecessor = new Predecessor(
                    sessions, control, folder, () -> Runtime.getRuntime().halt(0));
            TtrpcServer server = TtrpcServer.builder()
                    .addService(new ControlService(sessions, predecessor))
                    .name("relay-control")
                    .peerCheck(peer -> peer.isRoot() || peer.isThisUser())
                    .serve(control);
            Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(() -> {
                sessions.close();
                server.close();
                remove(controlSocket);
                stopped.countDown();
            }));
        }
        log().atInfo()
                .addKeyValue("socket", controlSocket)
                .addKeyValue("pid", ProcessHandle.current().pid())
                .addKeyValue("build", RelayBuild.current())
                .addKeyValue("sessions", sessions.list().size())
                .log("the relay is serving");
        stopped.await();
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

    private static Successor.Taken takeOver(Path controlSocket, Path folder, Sessions sessions) throws IOException {
        try {
            Rehearsal.run(folder);
            Path door = folder.resolve(".relay-" + ProcessHandle.current().pid());
            try (RelayClient running = RelayClient.connect(controlSocket);
                    Successor successor = Successor.listen(door)) {
                Optional<String> refusal = running.handOver(door);
                if (refusal.isPresent()) {
                    throw new IOException("the running relay does not hand over: " + refusal.get());
                }
                return successor.take(sessions);
            }
        } catch (IOException | RelayException | RuntimeException e) {
            System.err.println("peerpod-relay: " + e.getMessage());
            System.err.flush();
            // Nothing is closed in good order: the sockets are the running relay's.
            Runtime.getRuntime().halt(EXIT_REFUSED);
            throw new IOException(e);
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
