// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.grpc.Status;
import io.peerpod.relay.Answers;
import io.peerpod.relay.EventLoop;
import io.peerpod.relay.FrameStream;
import io.peerpod.relay.Link;
import io.peerpod.relay.PlainLink;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one connection to the agent. It is dialled before the first request and kept: the agent removes the path of its own socket at CreateSandbox, so that it could not be dialled later. Responses
 * go back to the client whose stream they belong to.
 */
final class AgentPort extends FrameStream implements Link.Handler {
    private static final Logger log = LoggerFactory.getLogger(AgentPort.class);
    private static final Duration FIRST_DELAY = Duration.ofMillis(2);
    private static final Duration MAX_DELAY = Duration.ofMillis(100);

    /** Output that the agent may leave unread before clients are paused. */
    private static final int MAX_UNSENT_BYTES = 2 << 20;

    private final Switchboard board;
    private final Path socket;
    private final EventLoop loop;
    private final Set<Client> pausedClients = new HashSet<>();
    private final Set<Client> slowClients = new HashSet<>();
    private @Nullable PlainLink link;
    private @Nullable Client target;
    private String state = "not dialled yet";
    private Duration delay = FIRST_DELAY;
    private int lastId = -1;
    private boolean closed;

    /** Whether the connection stands; for other threads too. */
    private volatile boolean connected;

    AgentPort(Switchboard board, Path socket) {
        this.board = board;
        this.socket = socket;
        loop = board.loop();
    }

    boolean connected() {
        return connected;
    }

    /** Why there is no connection, in words. */
    String state() {
        return state;
    }

    /** The last stream id that was used. */
    int lastId() {
        return lastId;
    }

    /** Whether nothing is half sent to the agent or half received from it. */
    boolean atRest() {
        PlainLink present = link;
        return present != null && present.unsentBytes() == 0 && !unfinished();
    }

    /** Goes on with a predecessor's connection. */
    void adopt(SocketChannel channel, int lastUsedId) throws IOException {
        PlainLink kept = new PlainLink(loop, channel, this);
        kept.register();
        link = kept;
        connected = true;
        lastId = lastUsedId;
        log.atInfo().addKeyValue("socket", socket).log("the agent's connection was kept");
    }

    /** Tries to connect, and again after a while until it does. */
    void dial() {
        if (closed || connected) {
            return;
        }
        SocketChannel channel = null;
        try {
            channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.configureBlocking(false);
            // A unix socket connects at once or not at all: a full backlog is refused, not waited for.
            if (!channel.connect(UnixDomainSocketAddress.of(socket))) {
                throw new IOException("its backlog is full");
            }
            PlainLink connecting = new PlainLink(loop, channel, this);
            connecting.register();
            link = connecting;
            connected = true;
            delay = FIRST_DELAY;
            lastId = -1;
            log.atInfo().addKeyValue("socket", socket).log("the agent is connected");
            board.kept().keep(KeptSockets.AGENT, channel);
            board.agentConnected();
        } catch (IOException | RuntimeException e) {
            state = socket + ": " + e.getMessage();
            if (channel != null) {
                close(channel);
            }
            loop.after(delay, this::dial);
            Duration longer = delay.multipliedBy(3).dividedBy(2);
            delay = longer.compareTo(MAX_DELAY) > 0 ? MAX_DELAY : longer;
        }
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException _) {
            // The descriptor is gone either way.
        }
    }

    /** A stream id of the agent connection for a client's request; ids only rise, as ttrpc servers in Go demand. */
    int open(Client client, int clientId, boolean destroysSandbox) {
        do {
            lastId += 2;
        } while (board.streams().find(lastId) >= 0);
        board.streams().put(lastId, client, clientId, destroysSandbox);
        return lastId;
    }

    void send(ByteBuffer run) {
        PlainLink present = link;
        if (present == null) {
            run.position(run.limit());
        } else {
            present.send(run);
        }
    }

    void sendOwned(ByteBuffer frame) {
        PlainLink present = link;
        if (present == null) {
            board.release(frame);
        } else {
            present.sendOwned(frame);
        }
    }

    /** Stops reading from a client while the agent does not keep up. */
    void throttle(Client client) {
        PlainLink present = link;
        if (present != null
                && present.unsentBytes() > MAX_UNSENT_BYTES
                && !client.isClosed()
                && pausedClients.add(client)) {
            client.link().pause();
        }
    }

    @Override
    public void drained() {
        for (Client client : pausedClients) {
            client.link().resume();
        }
        pausedClients.clear();
    }

    @Override
    public void received(ByteBuffer data) {
        feed(data);
        Client last = target;
        if (last != null) {
            if (!midFrame()) {
                last.flushDeferred();
            }
            checkSlow(last);
        }
    }

    @Override
    protected Verdict inspect(ByteBuffer data, int start, long length, int available) {
        int slot = board.streams().find(data.getInt(start + 4));
        byte type = data.get(start + 8);
        if (slot < 0 || (type != RESPONSE && type != DATA)) {
            return Verdict.DROP; // A late answer for somebody who left, or nothing that we know.
        }
        Client client = board.streams().client(slot);
        int id = board.streams().clientId(slot);
        if (type == RESPONSE) {
            board.streams().remove(slot);
        }
        turnTo(client, start);
        if (client.isClosed()) {
            return Verdict.DROP;
        }
        if (length > MAX_DATA_BYTES) {
            // The run before it is out, so that this can go out at once.
            client.link()
                    .send(Answers.refusal(
                            id,
                            Status.Code.RESOURCE_EXHAUSTED,
                            "the agent's answer of " + length + " bytes is larger than the limit"));
            return Verdict.DROP;
        }
        data.putInt(start + 4, id);
        return Verdict.PASS;
    }

    private void turnTo(Client client, int start) {
        Client before = target;
        if (before == client && !client.isClosed()) {
            return;
        }
        endRun(start);
        if (before != null) {
            before.flushDeferred();
            checkSlow(before);
        }
        target = client;
    }

    @Override
    protected void pass(ByteBuffer run) {
        Client client = target;
        if (client == null) {
            run.position(run.limit());
        } else {
            client.link().send(run);
        }
    }

    @Override
    protected void gathered(ByteBuffer frame) {
        throw new IllegalStateException("responses are never collected");
    }

    /** Whether a response for this client has begun and not ended. */
    boolean midFrameTo(Client client) {
        return target == client && midFrame();
    }

    private void checkSlow(Client client) {
        PlainLink present = link;
        if (present == null
                || client.isClosed()
                || client.link().unsentBytes() <= board.limits().pendingBytes()) {
            return;
        }
        if (slowClients.add(client)) {
            present.pause();
            int unsent = client.link().unsentBytes();
            loop.after(board.limits().stallTimeout(), () -> checkStalled(client, unsent));
        }
    }

    /** Reads from the agent again when nobody is behind any more. */
    void release(Client client) {
        PlainLink present = link;
        if (slowClients.remove(client) && slowClients.isEmpty() && present != null) {
            present.resume();
        }
    }

    /** A client that takes nothing at all may freeze itself, but not the others. */
    private void checkStalled(Client client, int unsentBefore) {
        if (!slowClients.contains(client)) {
            return;
        }
        int unsent = client.link().unsentBytes();
        if (unsent >= unsentBefore && board.othersWait(client)) {
            client.link().close();
            client.gone("took none of its " + unsent + " waiting bytes for "
                    + board.limits().stallTimeout());
            return;
        }
        loop.after(board.limits().stallTimeout(), () -> checkStalled(client, unsent));
    }

    /** A client is gone. */
    void forget(Client client) {
        pausedClients.remove(client);
        release(client);
    }

    @Override
    public void ended(String why) {
        log.atWarn().addKeyValue("failure", why).log("the agent is gone; its relays are disconnected");
        connected = false;
        link = null;
        board.kept().forget(KeptSockets.AGENT);
        state = "the agent closed its connection (" + why + ")";
        target = null;
        pausedClients.clear();
        slowClients.clear();
        board.agentLost();
        restart();
        dial();
    }

    void close() {
        closed = true;
        connected = false;
        PlainLink present = link;
        if (present != null) {
            present.close();
        }
    }
}
