// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.relay.RelayBuild;
import io.peerpod.relay.control.HandOverRequest;
import io.peerpod.relay.handover.HeldBegin;
import io.peerpod.relay.handover.HeldEnd;
import io.peerpod.relay.handover.Part;
import io.peerpod.relay.handover.Passage;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The side that gives. Everything stands still from the first part until the successor said that it has adopted all of it; with the last part this process has no part in it any more. Whatever fails before that part
 * lets everything go on here.
 */
final class Predecessor {
    /** For the successor to take a part and to answer; the longest that traffic stands still for a successor that fails. */
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(2);

    private static final Logger log = LoggerFactory.getLogger(Predecessor.class);

    private final Sessions sessions;
    private final ServerSocketChannel control;
    private final Path folder;
    private final Runnable handedOver;
    private final AtomicBoolean busy = new AtomicBoolean();

    /**
     * The relay with these sessions.
     *
     * @param control the control socket's listener
     * @param folder for a socket of the rehearsal
     * @param handedOver ends this process at once, without closing anything in good order
     */
    Predecessor(Sessions sessions, ServerSocketChannel control, Path folder, Runnable handedOver) {
        this.sessions = sessions;
        this.control = control;
        this.folder = folder;
        this.handedOver = handedOver;
    }

    /** Whether a hand-over can begin; why not, a sentence. When it can, {@link #start} has to follow. */
    Optional<String> ask(HandOverRequest request) {
        if (Passage.commonFormat(request.getOldestFormat(), request.getNewestFormat()) == 0) {
            return Optional.of("the successor reads hand-overs of format " + request.getOldestFormat() + " to "
                    + request.getNewestFormat() + ", this relay writes " + Passage.OLDEST_FORMAT + " to "
                    + Passage.NEWEST_FORMAT + "; it stays until its sessions have ended");
        }
        if (!Path.of(request.getSocket()).isAbsolute()) {
            return Optional.of("the successor's socket '" + request.getSocket() + "' is no absolute path");
        }
        Optional<String> obstacle = sessions.obstacle();
        if (obstacle.isPresent()) {
            return obstacle;
        }
        if (!busy.compareAndSet(false, true)) {
            return Optional.of("a hand-over is under way already");
        }
        return Optional.empty();
    }

    /** Begins it on a thread of its own. */
    void start(HandOverRequest request) {
        Thread.ofPlatform().name("hand-over").daemon(true).start(() -> {
            try {
                handOver(request);
            } finally {
                busy.set(false);
            }
        });
    }

    private void handOver(HandOverRequest request) {
        log.atInfo()
                .addKeyValue("build", request.getBuild())
                .addKeyValue("socket", request.getSocket())
                .log("a successor asks for everything");
        try {
            Rehearsal.run(folder);
        } catch (IOException | RuntimeException e) {
            // The successor hears of what is wrong, if it is, in the real thing.
            log.atWarn().addKeyValue("failure", e.getMessage()).setCause(e).log("the rehearsal of a hand-over failed");
        }
        connectAndGive(request);
    }

    /** Does it, unrehearsed. */
    void connectAndGive(HandOverRequest request) {
        int format = Passage.commonFormat(request.getOldestFormat(), request.getNewestFormat());
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(request.getSocket()));
                Passage passage = Passage.over(Passage.trusted(channel), format)) {
            give(passage);
        } catch (IOException | RuntimeException e) {
            log.atError()
                    .addKeyValue("failure", e.getMessage())
                    .setCause(e)
                    .log("the hand-over failed; this relay goes on with everything");
        }
    }

    private void give(Passage passage) throws IOException {
        try {
            sessions.standStill(standing -> {
                long began = System.nanoTime();
                send(passage, standing);
                log.atInfo()
                        .addKeyValue("sessions", standing.size())
                        .addKeyValue("took", Duration.ofNanos(System.nanoTime() - began))
                        .log("handed over");
                handedOver.run();
            });
        } catch (IOException | RuntimeException e) {
            try {
                passage.send(Part.abort(String.valueOf(e.getMessage())), ANSWER_LIMIT);
            } catch (IOException deaf) {
                e.addSuppressed(deaf);
            }
            throw e;
        }
    }

    private void send(Passage passage, List<Session> standing) throws IOException {
        for (Session session : standing) {
            Optional<String> obstacle = HeldSessions.obstacle(session);
            if (obstacle.isPresent()) {
                throw new IOException(obstacle.get());
            }
        }
        HeldBegin begin = HeldBegin.newBuilder()
                .setBuild(RelayBuild.current())
                .setProcessId(ProcessHandle.current().pid())
                .setSessions(standing.size())
                .build();
        passage.send(
                new Part(Part.Kind.BEGIN, begin.toByteString(), List.of(AdoptedChannels.descriptor(control))),
                ANSWER_LIMIT);
        for (Session session : standing) {
            passage.send(HeldSessions.hold(session), ANSWER_LIMIT);
        }
        HeldEnd end = HeldEnd.newBuilder().setSessions(standing.size()).build();
        passage.send(new Part(Part.Kind.END, end.toByteString(), List.of()), ANSWER_LIMIT);
        Part answer = passage.receive(ANSWER_LIMIT);
        Passage.close(answer.descriptors());
        if (answer.kind() != Part.Kind.READY) {
            throw new IOException(
                    "the successor does not take it: " + answer.payload().toStringUtf8());
        }
        passage.send(Part.of(Part.Kind.COMMIT), ANSWER_LIMIT);
    }
}
