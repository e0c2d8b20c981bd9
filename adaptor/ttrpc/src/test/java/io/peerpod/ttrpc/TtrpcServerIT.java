// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.peerpod.ttrpc.playground.Note;
import io.peerpod.ttrpc.playground.PlaygroundGrpc;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server's life around its calls: how handlers end, how it listens, whom it lets in. */
@Timeout(60)
class TtrpcServerIT {
    @TempDir
    Path folder;

    private Path socket;

    @BeforeEach
    void nameSocket() {
        socket = folder.resolve("s");
    }

    private static Note number(long number) {
        return Note.newBuilder().setNumber(number).build();
    }

    /** A handler that waits, and tells how that went. */
    private static final class Waiting extends PlaygroundGrpc.PlaygroundImplBase {
        final CountDownLatch entered = new CountDownLatch(1);
        final CountDownLatch goOn = new CountDownLatch(1);
        final CompletableFuture<String> end = new CompletableFuture<>();

        @Override
        public void echo(Note request, StreamObserver<Note> answers) {
            entered.countDown();
            try {
                goOn.await();
                answers.onNext(request);
                answers.onCompleted();
                boolean cancelled = Context.current().isCancelled();
                end.complete("finished" + (cancelled ? ", context cancelled" : ""));
            } catch (InterruptedException e) {
                end.complete("interrupted");
            }
        }
    }

    @Test
    void handlerIsInterruptedWhenItsCallerGoes() throws Exception {
        Waiting service = new Waiting();
        try (TtrpcServer server = TtrpcServer.builder().addService(service).listen(socket)) {
            try (RawPeer peer = RawPeer.connect(socket)) {
                peer.request(1, 0, "Echo", number(1));
                service.entered.await();
            }
            assertThat(service.end.get()).isEqualTo("interrupted");
            while (server.openStreams() > 0 || server.connections() > 0) {
                Thread.sleep(5);
            }
        }
    }

    @Test
    void detachedHandlerFinishesAfterItsCallerHasGone() throws Exception {
        Waiting service = new Waiting();
        try (TtrpcServer _ = TtrpcServer.builder().addDetachedService(service).listen(socket)) {
            try (RawPeer peer = RawPeer.connect(socket)) {
                peer.request(1, 0, "Echo", number(1));
                service.entered.await();
            }
            service.goOn.countDown();
            assertThat(service.end.get()).isEqualTo("finished");
        }
    }

    @Test
    void detachedHandlerRunsThoughItsCallerWentBeforeItBegan() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        var service = new PlaygroundGrpc.PlaygroundImplBase() {
            @Override
            public void echo(Note request, StreamObserver<Note> answers) {
                runs.incrementAndGet();
            }
        };
        try (TtrpcServer _ = TtrpcServer.builder().addDetachedService(service).listen(socket)) {
            for (int i = 0; i < 100; i++) {
                try (RawPeer peer = RawPeer.connect(socket)) {
                    peer.request(1, 0, "Echo", number(1));
                }
            }
            while (runs.get() < 100) {
                Thread.sleep(5);
            }
        }
    }

    @Test
    void detachedHandlerOutlivesItsDeadlineWhichIsAnsweredInTime() throws Exception {
        Waiting service = new Waiting();
        try (TtrpcServer _ = TtrpcServer.builder().addDetachedService(service).listen(socket);
                RawPeer peer = RawPeer.connect(socket)) {
            var request = RawPeer.envelope("Echo", number(1)).setTimeoutNano(20_000_000);
            peer.frame(1, FrameHeader.TYPE_REQUEST, 0, request.build());
            assertThat(peer.status(1).getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED.value());
            service.goOn.countDown();
            assertThat(service.end.get()).isEqualTo("finished");
            // Its own answer came too late and is not sent: the next frame is that of the next call.
            peer.request(3, 0, "Echo", number(3));
            assertThat(Note.parseFrom(peer.response(3).getPayload())).isEqualTo(number(3));
        }
    }

    @Test
    void handlerSeesItsDeadlineAndItsPeer() throws Exception {
        var service = new PlaygroundGrpc.PlaygroundImplBase() {
            @Override
            public void echo(Note request, StreamObserver<Note> answers) {
                boolean soon = TtrpcServer.CALL_DEADLINE.get().timeRemaining(TimeUnit.SECONDS) < 100
                        && Context.current().getDeadline() != null;
                String user = TtrpcServer.PEER.get().user().orElseThrow().getName();
                answers.onNext(Note.newBuilder().setText(user + " " + soon).build());
                answers.onCompleted();
            }
        };
        try (TtrpcServer _ = TtrpcServer.builder().addService(service).listen(socket);
                TtrpcChannel channel = TtrpcChannel.connect(socket)) {
            Note answer = PlaygroundGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(99, TimeUnit.SECONDS)
                    .echo(number(1));
            assertThat(answer.getText()).isEqualTo(System.getProperty("user.name") + " true");
        }
    }

    @Test
    void exceptionOfAHandlerIsUnknownWithItsTextAndNoStack() throws Exception {
        var service = new PlaygroundGrpc.PlaygroundImplBase() {
            @Override
            public void echo(Note request, StreamObserver<Note> answers) {
                throw new IllegalStateException("the sandbox is gone", new IOException("inner"));
            }

            @Override
            public void sleep(Note request, StreamObserver<Note> answers) {
                answers.onError(new IllegalStateException("the sandbox is gone"));
            }

            @Override
            public void blob(Note request, StreamObserver<Note> answers) {
                answers.onCompleted();
            }
        };
        try (TtrpcServer _ = TtrpcServer.builder().addService(service).listen(socket);
                RawPeer peer = RawPeer.connect(socket)) {
            int id = 1;
            for (String method : new String[] {"Echo", "Sleep"}) {
                peer.request(id, 0, method, number(1));
                com.google.rpc.Status status = peer.status(id);
                assertThat(status.getCode()).isEqualTo(Status.Code.UNKNOWN.value());
                assertThat(status.getMessage()).isEqualTo("the sandbox is gone");
                id += 2;
            }
            peer.request(id, 0, "Blob", number(1));
            assertThat(peer.status(id).getCode()).isEqualTo(Status.Code.INTERNAL.value());
            peer.request(7, 0, "Fail", number(1));
            assertThat(peer.status(7).getCode()).isEqualTo(Status.Code.UNIMPLEMENTED.value());
        }
    }

    @Test
    void shutdownWaitsForOpenCalls() throws Exception {
        Waiting service = new Waiting();
        TtrpcServer server = TtrpcServer.builder().addService(service).listen(socket);
        try (RawPeer peer = RawPeer.connect(socket)) {
            peer.request(1, 0, "Echo", number(1));
            service.entered.await();
            Thread.ofVirtual().start(() -> {
                while (Files.exists(socket)) {
                    Thread.onSpinWait();
                }
                service.goOn.countDown();
            });
            assertThat(server.shutdown(Duration.ofSeconds(30))).isTrue();
            assertThat(Note.parseFrom(peer.response(1).getPayload())).isEqualTo(number(1));
            assertThat(peer.isClosedByPeer()).isTrue();
        }
    }

    @Test
    void shutdownGivesUpAfterItsGrace() throws Exception {
        Waiting service = new Waiting();
        TtrpcServer server = TtrpcServer.builder().addService(service).listen(socket);
        try (RawPeer peer = RawPeer.connect(socket)) {
            peer.request(1, 0, "Echo", number(1));
            service.entered.await();
            assertThat(server.shutdown(Duration.ofMillis(20))).isFalse();
            assertThat(service.end.get()).isEqualTo("interrupted");
        }
    }

    @Test
    void staleSocketIsReplacedALiveOneIsNot() throws Exception {
        try (ServerSocketChannel left = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            left.bind(UnixDomainSocketAddress.of(socket));
        }
        assertThat(socket).exists();
        try (TtrpcServer _ = TtrpcServer.builder().listen(socket)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                    .isEqualTo("rw-------");
            assertThatThrownBy(() -> TtrpcServer.builder().listen(socket))
                    .hasMessageContaining("another process listens there");
        }
        assertThat(socket).doesNotExist();
        try (TtrpcServer _ = TtrpcServer.builder().socketMode("rw-rw----").listen(socket)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                    .isEqualTo("rw-rw----");
        }
    }

    @Test
    void whatIsNoSocketIsLeftAlone() throws Exception {
        Files.writeString(socket, "precious");
        assertThatThrownBy(() -> TtrpcServer.builder().listen(socket)).hasMessageContaining("no socket");
        assertThat(socket).hasContent("precious");
        Path tooLong = folder.resolve("x".repeat(108));
        assertThatThrownBy(() -> TtrpcServer.builder().listen(tooLong)).hasMessageContaining("the kernel allows 107");
        assertThatThrownBy(() -> TtrpcChannel.connect(tooLong)).hasMessageContaining("the kernel allows 107");
        assertThatThrownBy(() -> TtrpcChannel.connect(folder.resolve("nobody")))
                .hasMessageContaining("cannot connect to the socket");
    }

    @Test
    void closingLeavesASuccessorsSocketAlone() throws Exception {
        TtrpcServer first = TtrpcServer.builder().listen(socket);
        Files.delete(socket);
        try (TtrpcServer _ = TtrpcServer.builder().listen(socket)) {
            first.close();
            assertThat(socket).exists();
        }
    }

    @Test
    void peerThatFailsTheCheckIsClosedUnheard() throws Exception {
        try (TtrpcServer _ = TtrpcServer.builder()
                        .addService(PlaygroundService.definition())
                        .peerCheck(peer -> !peer.isThisUser())
                        .listen(socket);
                RawPeer peer = RawPeer.connect(socket)) {
            assertThat(peer.isClosedByPeer()).isTrue();
        }
    }

    @Test
    void acceptLoopSurvivesRunningOutOfDescriptors() throws Exception {
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(socket));
        try (TtrpcServer _ = TtrpcServer.builder()
                        .addService(PlaygroundService.definition())
                        .serve(new Exhausted(listener, 3));
                TtrpcChannel channel = TtrpcChannel.connect(socket)) {
            assertThat(PlaygroundGrpc.newBlockingStub(channel).echo(number(1))).isEqualTo(number(1));
        }
    }

    /** A listener of a process that has no descriptors left, for some accepts. */
    private static final class Exhausted extends ServerSocketChannel {
        private final ServerSocketChannel listener;
        private int failures;

        Exhausted(ServerSocketChannel listener, int failures) {
            super(listener.provider());
            this.listener = listener;
            this.failures = failures;
        }

        @Override
        public SocketChannel accept() throws IOException {
            if (failures-- > 0) {
                throw new IOException("Too many open files");
            }
            return listener.accept();
        }

        @Override
        public ServerSocketChannel bind(SocketAddress local, int backlog) {
            throw new UnsupportedOperationException();
        }

        @Override
        public <T> ServerSocketChannel setOption(SocketOption<T> name, T value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public <T> T getOption(SocketOption<T> name) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Set<SocketOption<?>> supportedOptions() {
            return Set.of();
        }

        @Override
        public java.net.ServerSocket socket() {
            throw new UnsupportedOperationException();
        }

        @Override
        public SocketAddress getLocalAddress() throws IOException {
            return listener.getLocalAddress();
        }

        @Override
        protected void implCloseSelectableChannel() throws IOException {
            listener.close();
        }

        @Override
        protected void implConfigureBlocking(boolean block) {}
    }

    @Test
    void limitsThatMakeNoSenseAreRefused() {
        assertThat(catchThrowable(() -> TtrpcLimits.DEFAULT.withMaxOpenStreams(0)))
                .hasMessageContaining("maxOpenStreams is 0");
        assertThat(catchThrowable(() -> TtrpcLimits.DEFAULT.withMaxInFlightBytes(5)))
                .hasMessageContaining("maxInFlightBytes is 5");
    }
}
