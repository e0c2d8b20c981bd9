// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.control.HandOverRequest;
import io.peerpod.relay.handover.Passage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A relay and its successors in one JVM, over real sockets. */
final class HandOverPair implements AutoCloseable {
    static final Duration BUDGET = Duration.ofSeconds(20);

    final Path folder;
    private final List<Sessions> all = new ArrayList<>();
    private ServerSocketChannel control;

    /** Who has the sessions now. */
    Sessions sessions;

    HandOverPair(ContainerEdit edit) throws IOException {
        folder = Files.createTempDirectory(Path.of("/tmp"), "pair-");
        sessions = add(edit);
        control = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        control.bind(UnixDomainSocketAddress.of(folder.resolve("control")));
    }

    private Sessions add(ContainerEdit edit) throws IOException {
        Sessions started = Sessions.start(edit);
        all.add(started);
        return started;
    }

    SessionSpec spec(String id, int port) {
        return new SessionSpec(
                id, folder.resolve(id), List.of(InetAddress.getLoopbackAddress()), port, Optional.empty(), "");
    }

    HandOverRequest request() {
        return HandOverRequest.newBuilder()
                .setSocket(folder.resolve("door").toString())
                .setOldestFormat(Passage.OLDEST_FORMAT)
                .setNewestFormat(Passage.NEWEST_FORMAT)
                .build();
    }

    /** The giving side, which runs this when it has given. */
    Predecessor predecessor(Runnable handedOver) {
        return new Predecessor(sessions, control, folder, handedOver);
    }

    /** Hands everything to a new relay. */
    void handOver(ContainerEdit edit) throws IOException, InterruptedException {
        Sessions old = sessions;
        Sessions next = add(edit);
        CountDownLatch over = new CountDownLatch(1);
        try (Successor successor = Successor.listen(folder.resolve("door"))) {
            Predecessor predecessor = predecessor(() -> {
                old.abandon();
                over.countDown();
            });
            Thread.ofPlatform().start(() -> predecessor.connectAndGive(request()));
            Successor.Taken taken = successor.take(next);
            if (!over.await(20, TimeUnit.SECONDS)) {
                throw new IOException("the predecessor did not end");
            }
            control.close();
            control = taken.control();
            taken.sessions().begin();
            sessions = next;
        }
    }

    @Override
    public void close() throws IOException {
        sessions.close();
        all.forEach(Sessions::abandon);
        control.close();
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        }
    }
}
