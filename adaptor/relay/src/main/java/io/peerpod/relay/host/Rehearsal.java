// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.Answers;
import io.peerpod.relay.FrameStream;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.control.HandOverRequest;
import io.peerpod.relay.handover.Passage;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/**
 * A hand-over in miniature, within this process: a session to an agent that answers everything, a shim that talks, and two relays of which one hands over to the other. What it runs through is loaded and compiled
 * when the real thing comes, for which traffic stands still; and what does not work here is noticed before anything is at stake.
 */
final class Rehearsal {
    private static final int ROUNDS = 2;
    private static final int CALLS = 200;
    private static final int LARGE_BYTES = 100_000;
    private static final Duration BUDGET = Duration.ofSeconds(5);

    private Rehearsal() {}

    /**
     * Rehearses.
     *
     * @param folder for its sockets; nothing is left there
     */
    static void run(Path folder) throws IOException {
        Path own = Files.createTempDirectory(folder, ".rehearsal");
        try (ServerSocketChannel agent = ServerSocketChannel.open()) {
            agent.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            Thread.ofVirtual().name("rehearsal").start(() -> answerAll(agent));
            SessionSpec spec = new SessionSpec(
                    "rehearsal",
                    own.resolve("a"),
                    List.of(InetAddress.getLoopbackAddress()),
                    agent.socket().getLocalPort(),
                    Optional.empty(),
                    "");
            for (int i = 0; i < ROUNDS; i++) {
                round(own, spec);
            }
        } catch (RelayException e) {
            throw new IOException("a hand-over was rehearsed and failed: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            for (String name : List.of("a", "c", "d")) {
                Files.deleteIfExists(own.resolve(name));
            }
            Files.deleteIfExists(own);
        }
    }

    private static void round(Path folder, SessionSpec spec) throws IOException, RelayException, InterruptedException {
        Sessions first = Sessions.start();
        try (Sessions second = Sessions.start();
                ServerSocketChannel control = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                Successor successor = Successor.listen(folder.resolve("d"))) {
            control.bind(UnixDomainSocketAddress.of(folder.resolve("c")));
            first.open(spec, BUDGET);
            try (SocketChannel shim = SocketChannel.open(UnixDomainSocketAddress.of(spec.socket()))) {
                talk(shim);
                ByteBuffer large = request(LARGE_BYTES);
                int half = large.limit() / 2;
                write(shim, large.duplicate().limit(half));
                CountDownLatch over = new CountDownLatch(1);
                HandOverRequest request = HandOverRequest.newBuilder()
                        .setSocket(folder.resolve("d").toString())
                        .setOldestFormat(Passage.OLDEST_FORMAT)
                        .setNewestFormat(Passage.NEWEST_FORMAT)
                        .build();
                Predecessor predecessor = new Predecessor(first, control, folder, () -> {
                    first.abandon();
                    over.countDown();
                });
                Thread.ofPlatform().name("rehearsal").daemon(true).start(() -> predecessor.connectAndGive(request));
                Successor.Taken taken = successor.take(second);
                over.await();
                taken.control().close();
                taken.sessions().begin();
                write(shim, large.position(half));
                answer(shim);
                talk(shim);
            }
            second.close(spec.sandboxId());
        } finally {
            first.abandon();
            Files.deleteIfExists(folder.resolve("c"));
        }
    }

    private static void talk(SocketChannel shim) throws IOException {
        for (int i = 0; i < CALLS; i++) {
            write(shim, request(i));
            answer(shim);
        }
    }

    private static ByteBuffer request(int bytes) {
        return ByteBuffer.allocate(FrameStream.HEADER_BYTES + bytes)
                .putInt(bytes)
                .putInt(1)
                .put(FrameStream.REQUEST)
                .clear();
    }

    private static void write(SocketChannel channel, ByteBuffer data) throws IOException {
        while (data.hasRemaining()) {
            channel.write(data);
        }
    }

    private static void answer(SocketChannel shim) throws IOException {
        DataInputStream in = new DataInputStream(Channels.newInputStream(shim));
        int length = in.readInt();
        in.skipNBytes(FrameStream.HEADER_BYTES - Integer.BYTES + (long) length);
    }

    private static void answerAll(ServerSocketChannel agent) {
        try {
            while (true) {
                SocketChannel accepted = agent.accept();
                Thread.ofVirtual().name("rehearsal").start(() -> answerAll(accepted));
            }
        } catch (IOException _) {
            // It is over.
        }
    }

    private static void answerAll(SocketChannel accepted) {
        try (accepted;
                DataInputStream in = new DataInputStream(Channels.newInputStream(accepted))) {
            while (true) {
                int length = in.readInt();
                int id = in.readInt();
                in.skipNBytes(2 + (long) length);
                write(accepted, Answers.success(id));
            }
        } catch (EOFException _) {
            // The session was closed.
        } catch (IOException _) {
            // It is over.
        }
    }
}
