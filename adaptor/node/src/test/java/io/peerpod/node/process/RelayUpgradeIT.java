// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.relay.RelayBuild;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayInfo;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Real relay processes below a daemon's link. */
class RelayUpgradeIT {
    private static final long PATIENCE_MILLIS = 60_000;

    private Path folder;
    private RelayProcess process;
    private RelayLink link;

    @BeforeEach
    void startAnOlderRelay() throws Exception {
        folder = Files.createTempDirectory(Path.of("/tmp"), "upgrade-");
        System.setProperty(RelayBuild.PROPERTY, "older");
        try (RelayLink older = new RelayLink(RelayProcess.of(folder))) {
            assertThat(older.info().build()).isEqualTo("older");
        } finally {
            System.clearProperty(RelayBuild.PROPERTY);
        }
        process = RelayProcess.of(folder);
        link = new RelayLink(process);
    }

    @AfterEach
    void endIt() throws Exception {
        kill(link.info().processId());
        link.close();
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        }
    }

    private static void kill(long pid) {
        ProcessHandle.of(pid).ifPresent(handle -> {
            handle.destroyForcibly();
            handle.onExit().join();
        });
    }

    @Test
    void anOlderRelayHandsItsSessionsToOneOfThisBuild() throws Exception {
        RelayInfo older = link.info();
        CompletableFuture<Void> opening = opening();
        RelayUpgrade.start(link, process);
        RelayInfo newer = await(info -> info.build().equals(RelayBuild.current()));
        assertThat(newer.processId()).isNotEqualTo(older.processId());
        assertThat(newer.sessions()).isOne();
        assertThat(ProcessHandle.of(older.processId()).filter(ProcessHandle::isAlive))
                .isEmpty();
        assertThat(opening).as("the call goes on in the newer relay").isNotDone();
        link.close("s");
        opening.exceptionally(_ -> null).get(30, TimeUnit.SECONDS);
    }

    @Test
    void aRelayThatIsKilledIsNoticedAtOnceAndTheNextOneStands() throws Exception {
        long first = link.info().processId();
        try (ServerSocketChannel agent = ServerSocketChannel.open()) {
            agent.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            Thread.ofVirtual().start(() -> answerHealth(agent));
            link.open(spec(agent.socket().getLocalPort()), Duration.ofSeconds(30));
            CompletableFuture<SessionStatus> end = new CompletableFuture<>();
            Thread.ofVirtual().start(() -> {
                try {
                    end.complete(link.awaitEnd("s"));
                } catch (RelayException | InterruptedException e) {
                    end.completeExceptionally(e);
                }
            });
            kill(first);
            assertThat(end.get(30, TimeUnit.SECONDS).ended()).isTrue();
            assertThat(link.info().processId()).isNotEqualTo(first);
            assertThat(link.list()).isEmpty();
        }
    }

    private static void answerHealth(ServerSocketChannel agent) {
        try {
            while (true) {
                SocketChannel accepted = agent.accept();
                Thread.ofVirtual().start(() -> {
                    try {
                        ByteBuffer request = ByteBuffer.allocate(4096);
                        while (request.position() < 10 || request.position() < 10 + request.getInt(0)) {
                            accepted.read(request);
                        }
                        accepted.write(ByteBuffer.allocate(10)
                                .putInt(0)
                                .putInt(request.getInt(4))
                                .put((byte) 2)
                                .clear());
                    } catch (IOException _) {
                        // The probe left.
                    }
                });
            }
        } catch (IOException _) {
            // closed
        }
    }

    private SessionSpec spec(int port) {
        return new SessionSpec(
                "s", folder.resolve("s"), List.of(InetAddress.getLoopbackAddress()), port, Optional.empty(), "");
    }

    private interface Wanted {
        boolean is(RelayInfo info);
    }

    private RelayInfo await(Wanted wanted) throws RelayException, InterruptedException {
        long deadline = System.currentTimeMillis() + PATIENCE_MILLIS;
        RelayInfo info = link.info();
        while (!wanted.is(info) && System.currentTimeMillis() < deadline) {
            Thread.sleep(10);
            info = link.info();
        }
        assertThat(wanted.is(info)).as("%s", info).isTrue();
        return info;
    }

    /** A session to a guest that is never there. */
    private CompletableFuture<Void> opening() throws IOException, RelayException, InterruptedException {
        int port;
        try (ServerSocketChannel closed = ServerSocketChannel.open()) {
            closed.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            port = closed.socket().getLocalPort();
        }
        SessionSpec spec = spec(port);
        CompletableFuture<Void> opening = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> {
            try {
                link.open(spec, Duration.ofSeconds(50));
                opening.complete(null);
            } catch (RelayException | InterruptedException e) {
                opening.completeExceptionally(e);
            }
        });
        await(info -> info.sessions() == 1);
        return opening;
    }
}
