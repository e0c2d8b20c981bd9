// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.peerpod.relay.EventLoop;
import io.peerpod.relay.session.SessionSnapshot;
import io.peerpod.relay.session.SessionTable;
import java.nio.BufferOverflowException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes down, whenever the loop rests, which session waits for which stream of the agent and what is unconfirmed; and reads it back after a restart. */
final class RestartState implements EventLoop.Observer {
    private static final Logger log = LoggerFactory.getLogger(RestartState.class);

    /** Above this the state is not written: bulk is under way, and copying it after each event would cost more than the sessions may. */
    private static final long MAX_UNACKNOWLEDGED_BYTES = 32 << 10;

    private final RestartFile file;
    private final Switchboard board;
    private final SessionTable sessions;

    RestartState(RestartFile file, Switchboard board, SessionTable sessions) {
        this.file = file;
        this.board = board;
        this.sessions = sessions;
    }

    @Override
    public void begins() {
        file.mark();
    }

    @Override
    public void rests() {
        if (!file.marked() || sessions.unacknowledgedBytes() > MAX_UNACKNOWLEDGED_BYTES || !board.atRest()) {
            return;
        }
        ByteBuffer room = file.room();
        try {
            write(room);
            file.written(room);
        } catch (BufferOverflowException _) {
            // Too much is under way: a restart now would end the sessions.
        }
    }

    private void write(ByteBuffer out) {
        out.putInt(board.agent().lastId());
        List<Client> known = new ArrayList<>();
        int count = out.position();
        out.putInt(0);
        sessions.forEach((user, held) -> {
            if (user instanceof Client client) {
                known.add(client);
                put(out, held.peer());
                put(out, held.identity());
                byte[] snapshot = held.snapshot().toBytes();
                out.putInt(snapshot.length).put(snapshot);
            }
        });
        out.putInt(count, known.size());
        int streams = out.position();
        out.putInt(0);
        int[] written = {0};
        board.streams().forEach((agentId, client, clientId, destroys) -> {
            int index = known.indexOf(client);
            if (index >= 0) {
                out.putInt(agentId)
                        .putInt(clientId)
                        .put((byte) (destroys ? 1 : 0))
                        .putInt(index);
                written[0]++;
            }
        });
        out.putInt(streams, written[0]);
    }

    /**
     * Stands where a predecessor stood.
     *
     * @return the last stream id that the agent has seen
     * @throws IllegalArgumentException when the state contradicts itself; nothing was changed then that matters
     */
    int restore(ByteBuffer in) {
        try {
            int lastId = in.getInt();
            List<@Nullable Client> known = new ArrayList<>();
            for (int left = in.getInt(); left > 0; left--) {
                String peer = text(in);
                String identity = text(in);
                byte[] snapshot = bytes(in);
                known.add(
                        sessions.restore(new SessionTable.Held(peer, identity, SessionSnapshot.fromBytes(snapshot)))
                                                .orElse(null)
                                        instanceof Client client
                                ? client
                                : null);
            }
            int streams = in.getInt();
            for (int left = streams; left > 0; left--) {
                int agentId = in.getInt();
                int clientId = in.getInt();
                boolean destroys = in.get() != 0;
                Client client = known.get(in.getInt());
                if (client != null) {
                    board.streams().put(agentId, client, clientId, destroys);
                }
            }
            log.atInfo()
                    .addKeyValue("sessions", known.size())
                    .addKeyValue("streams", streams)
                    .log("the forwarder goes on where its predecessor was killed");
            return lastId;
        } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
            throw new IllegalArgumentException("the state of the forwarder before this one contradicts itself", e);
        }
    }

    private static void put(ByteBuffer out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.putInt(bytes.length).put(bytes);
    }

    private static String text(ByteBuffer in) {
        return new String(bytes(in), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(ByteBuffer in) {
        int length = in.getInt();
        if (length < 0 || length > in.remaining()) {
            throw new IllegalArgumentException("the state of the forwarder before this one is cut short");
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
    }
}
