// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import com.google.protobuf.InvalidProtocolBufferException;
import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Libc;
import io.peerpod.relay.handover.HeldBegin;
import io.peerpod.relay.handover.HeldEnd;
import io.peerpod.relay.handover.HeldSession;
import io.peerpod.relay.handover.Part;
import io.peerpod.relay.handover.Passage;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The side that takes. Nothing is read from or written to what it adopts before the predecessor has said that it is ours, or is dead. */
final class Successor implements AutoCloseable {
    /** For the predecessor to rehearse and to connect. */
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(20);

    private static final Duration PART_LIMIT = Duration.ofSeconds(5);

    /** A predecessor that is neither dead nor says a word is the owner, however long that takes. */
    private static final Duration COMMIT_LIMIT = Duration.ofDays(1);

    private static final Logger log = LoggerFactory.getLogger(Successor.class);

    private final Path path;
    private final ServerSocketChannel door;

    private Successor(Path path, ServerSocketChannel door) {
        this.path = path;
        this.door = door;
    }

    /** Opens the door through which the predecessor comes. */
    static Successor listen(Path path) throws IOException {
        Files.deleteIfExists(path);
        ServerSocketChannel door = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            door.bind(UnixDomainSocketAddress.of(path), 1);
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
            door.configureBlocking(false);
            return new Successor(path, door);
        } catch (IOException e) {
            door.close();
            Files.deleteIfExists(path);
            throw e;
        }
    }

    /**
     * What a predecessor held.
     *
     * @param control the listener of the control socket
     * @param sessions that go on with {@link Sessions.Adopted#begin}
     */
    record Taken(ServerSocketChannel control, Sessions.Adopted sessions) {}

    /**
     * Waits for the predecessor and takes everything; when this returns it is ours.
     *
     * @throws IOException when the predecessor keeps it, in words
     */
    Taken take(Sessions sessions) throws IOException {
        return take(sessions, DialledAhead.nothing());
    }

    /** The same, having got ready for it. */
    Taken take(Sessions sessions, DialledAhead dialledAhead) throws IOException {
        Libc.system().poll(AdoptedChannels.descriptor(door), Constants.POLLIN, (int) CONNECT_LIMIT.toMillis());
        SocketChannel channel = door.accept();
        if (channel == null) {
            throw new IOException("the running relay agreed to hand over and did not come within "
                    + CONNECT_LIMIT.toSeconds() + " s; its log says why");
        }
        try (Passage passage = Passage.over(Passage.trusted(channel), Passage.NEWEST_FORMAT)) {
            Taken taken = adopt(passage, sessions.adopted(dialledAhead));
            passage.send(Part.of(Part.Kind.READY), PART_LIMIT);
            Part last;
            try {
                last = passage.receive(COMMIT_LIMIT);
            } catch (IOException e) {
                // Had it changed its mind it would have said so first: it is dead, and whatever it held is here.
                log.atWarn()
                        .addKeyValue("failure", e.getMessage())
                        .log("the predecessor ended before its last word; its sessions go on here");
                return taken;
            }
            Passage.close(last.descriptors());
            if (last.kind() != Part.Kind.COMMIT) {
                throw refused(last);
            }
            return taken;
        }
    }

    private static Taken adopt(Passage passage, Sessions.Adopted adopted) throws IOException {
        Part first = passage.receive(PART_LIMIT);
        if (first.kind() != Part.Kind.BEGIN || first.descriptors().size() != 1) {
            throw refused(first);
        }
        try {
            HeldBegin begin = HeldBegin.parseFrom(first.payload());
            ServerSocketChannel control =
                    AdoptedChannels.listener(first.descriptors().getFirst());
            Part part = passage.receive(PART_LIMIT);
            while (part.kind() == Part.Kind.SESSION) {
                adopted.add(HeldSession.parseFrom(part.payload()), part.descriptors());
                part = passage.receive(PART_LIMIT);
            }
            if (part.kind() != Part.Kind.END) {
                throw refused(part);
            }
            int told = HeldEnd.parseFrom(part.payload()).getSessions();
            int count = adopted.complete();
            if (told != count || told != begin.getSessions()) {
                throw new IOException("of " + begin.getSessions() + " sessions " + count + " were handed over");
            }
            return new Taken(control, adopted);
        } catch (InvalidProtocolBufferException e) {
            passage.send(Part.abort("not understood: " + e.getMessage()), PART_LIMIT);
            throw e;
        } catch (IOException | RuntimeException e) {
            passage.send(Part.abort(String.valueOf(e.getMessage())), PART_LIMIT);
            throw e instanceof IOException known ? known : new IOException(e.getMessage(), e);
        }
    }

    private static IOException refused(Part part) {
        return new IOException(
                part.kind() == Part.Kind.ABORT
                        ? "the running relay keeps everything: "
                                + part.payload().toStringUtf8()
                        : "the running relay sent " + part.kind() + " where something else was due");
    }

    @Override
    public void close() throws IOException {
        door.close();
        Files.deleteIfExists(path);
    }
}
