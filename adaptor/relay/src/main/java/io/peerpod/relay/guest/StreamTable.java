// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Which client waits for which stream of the agent connection. Open addressing over the stream ids: they rise by two, so that neighbours do not collide, and nothing is
 * allocated for a call. The streams of a client that went away stay until the agent answers them.
 */
final class StreamTable {
    private static final int INITIAL_CAPACITY = 64;
    private static final int MAX_CAPACITY = 1 << 16;

    private int[] agentIds = new int[INITIAL_CAPACITY];
    private int[] clientIds = new int[INITIAL_CAPACITY];
    private boolean[] destroys = new boolean[INITIAL_CAPACITY];
    private @Nullable Client[] clients = new @Nullable Client[INITIAL_CAPACITY];
    private int size;

    /** Whether no further stream may be opened. */
    boolean full() {
        return size >= MAX_CAPACITY / 2;
    }

    /** Records a stream under an agent id that is not in use. */
    void put(int agentId, Client client, int clientId, boolean destroysSandbox) {
        if (2 * (size + 1) > agentIds.length) {
            grow();
        }
        int slot = free(agentId);
        agentIds[slot] = agentId;
        clientIds[slot] = clientId;
        destroys[slot] = destroysSandbox;
        clients[slot] = client;
        size++;
    }

    /** The slot of a stream, -1 when it is unknown. Valid until the table changes. */
    int find(int agentId) {
        int mask = agentIds.length - 1;
        for (int slot = home(agentId, mask); clients[slot] != null; slot = slot + 1 & mask) {
            if (agentIds[slot] == agentId) {
                return slot;
            }
        }
        return -1;
    }

    Client client(int slot) {
        Client client = clients[slot];
        if (client == null) {
            throw new IllegalStateException("slot " + slot + " of the stream table is free");
        }
        return client;
    }

    int clientId(int slot) {
        return clientIds[slot];
    }

    /** Forgets the stream in a slot and closes the gap. */
    void remove(int slot) {
        int mask = agentIds.length - 1;
        int gap = slot;
        for (int next = gap + 1 & mask; clients[next] != null; next = next + 1 & mask) {
            int home = home(agentIds[next], mask);
            if ((next - home & mask) >= (next - gap & mask)) {
                move(next, gap);
                gap = next;
            }
        }
        clients[gap] = null;
        size--;
    }

    /** Calls back for every open DestroySandbox with its client and the client's id, then forgets all streams. */
    void clear(BiConsumer<Client, Integer> openDestroy) {
        for (int slot = 0; slot < clients.length; slot++) {
            Client client = clients[slot];
            if (client != null && destroys[slot]) {
                openDestroy.accept(client, clientIds[slot]);
            }
        }
        agentIds = new int[INITIAL_CAPACITY];
        clientIds = new int[INITIAL_CAPACITY];
        destroys = new boolean[INITIAL_CAPACITY];
        clients = new @Nullable Client[INITIAL_CAPACITY];
        size = 0;
    }

    /** Is shown an open stream. */
    interface Reader {
        void stream(int agentId, Client client, int clientId, boolean destroysSandbox);
    }

    /** Shows every open stream. */
    void forEach(Reader reader) {
        for (int slot = 0; slot < clients.length; slot++) {
            Client client = clients[slot];
            if (client != null) {
                reader.stream(agentIds[slot], client, clientIds[slot], destroys[slot]);
            }
        }
    }

    private static int home(int agentId, int mask) {
        return agentId >>> 1 & mask;
    }

    private int free(int agentId) {
        int mask = agentIds.length - 1;
        int slot = home(agentId, mask);
        while (clients[slot] != null) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private void move(int from, int to) {
        agentIds[to] = agentIds[from];
        clientIds[to] = clientIds[from];
        destroys[to] = destroys[from];
        clients[to] = clients[from];
    }

    private void grow() {
        int[] oldAgentIds = agentIds;
        int[] oldClientIds = clientIds;
        boolean[] oldDestroys = destroys;
        @Nullable Client[] oldClients = clients;
        int capacity = 2 * oldAgentIds.length;
        agentIds = new int[capacity];
        clientIds = new int[capacity];
        destroys = new boolean[capacity];
        clients = new @Nullable Client[capacity];
        size = 0;
        for (int slot = 0; slot < oldClients.length; slot++) {
            Client client = oldClients[slot];
            if (client != null) {
                put(oldAgentIds[slot], client, oldClientIds[slot], oldDestroys[slot]);
            }
        }
    }
}
